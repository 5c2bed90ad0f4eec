/**
 * @revq/formats/node: files, folders of weights, atomic writing. The rest of the package also runs
 * in browsers.
 */
export { copyFileAtomic } from "./copy-file-atomic.js";
export { fileOnTheWay } from "./file-on-the-way.js";
export { isDatasetSpec, openHubDataset, type HubDataset, type OpenDatasetOptions } from "./hub/open-dataset.js";
export {
  uploadSpec,
  uploadTarget,
  uploadToHub,
  type FileToUpload,
  type Upload,
  type UploadOptions,
} from "./hub/upload.js";
export { fromFile } from "./from-file.js";
export { openWeights, type OpenWeightsOptions } from "./open-weights.js";
export { sha256, sha256OfFile } from "./sha256.js";
export { writeFileAtomic } from "./write-file-atomic.js";
