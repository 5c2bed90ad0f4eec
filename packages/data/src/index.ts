/**
 * @revq/data: sources of images and latents, the centre crop, latent stores, writing of images.
 * Runs in Node.
 */
export type { BesideImage, ImageTable, TableColumn, TableRow } from "./images/beside.js";
export { damaged as parquetDamaged, requireEnds as requireParquetEnds } from "./images/archives/parquet-damage.js";
export { decodeImage } from "./images/decode.js";
export { openImageFolder, type ImageFolderOptions } from "./images/image-folder.js";
export type { IndexedImageSource, SkippedImage } from "./images/indexed-source.js";
export type { OpenImagesOptions } from "./images/image-options.js";
export { openImages } from "./images/open-images.js";
export { splitImages, takeImages } from "./images/select.js";
export { openSynthetic, type SyntheticOptions } from "./images/synthetic.js";
export { encodePng, encodeWebp, writePng, type WritableImage } from "./images/write-png.js";
export { bytesToUnitRange, centreCrop, unitRangeToBytes } from "./pixels/crop.js";
export { imageGrid, type ImageGridOptions } from "./pixels/image-grid.js";
export { resizeLanczos, type RgbImage } from "./pixels/resize.js";
export { inMemoryLatents } from "./latents/in-memory.js";
export { toChannelLast } from "./latents/layout.js";
export { openLatents } from "./latents/open-latents.js";
export { openLatentsNpy, writeLatentsNpy } from "./latents/npy-latents.js";
export type { OpenLatentsOptions } from "./latents/row-latents.js";
export {
  doPart,
  rangeOfPart,
  unitsOfPart,
  wholeJob,
  type Part,
  type PartOutcome,
  type SharedJob,
} from "./parts/job.js";
export { imageListDifference, imageListText, readImageList, type ListedImage } from "./parts/image-list.js";
export { readJson } from "./parts/read-json.js";
export { beginStore, planStore, shardRange, type PlanInput, type ShardRecord, type StorePlan } from "./store/plan.js";
export { mergeStores } from "./store/merge.js";
export { isLatentStore, openLatentStore, type LatentStore, type OpenStoreOptions } from "./store/read.js";
export { finishedShard, joinStore, writeShard, type Shard, type StoreManifest } from "./store/write.js";
