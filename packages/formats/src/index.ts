/**
 * @revq/formats: tensor files over one byte-range reader. Plain typed arrays, no tensor library.
 * Runs in Node, browsers and workers.
 */
export { readAll } from "./bytes/byte-source.js";
export { fromBlob } from "./bytes/from-blob.js";
export { fromBuffer } from "./bytes/from-buffer.js";
export { fromUrl, type UrlOptions } from "./bytes/from-url.js";
export { bytesPerElement, dtypes, toFloat32, type DType, type StoredDType, type TensorData } from "./dtypes.js";
export { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half-floats.js";
export type { OpenWeightsOptions } from "./weights-options.js";
export { npyDTypes, npyHeader, type NpyDType } from "./npy/header.js";
export { openNpy, readNpy, readNpyFloat32, type NpyArray, type NpyFile } from "./npy/read.js";
export { writeNpy } from "./npy/write.js";
export type { SafetensorsHeader, TensorInfo } from "./safetensors/header.js";
export { openSafetensors, type Safetensors } from "./safetensors/read.js";
export {
  streamSafetensors,
  writeSafetensors,
  type SafetensorsMetadata,
  type TensorToStream,
  type TensorToWrite,
} from "./safetensors/write.js";
export { openTensorFile } from "./open-tensor-file.js";
export { openPth, type PthFile } from "./pth/open.js";
export {
  OpaqueValue,
  PickleGlobal,
  PickleMap,
  StorageReference,
  TensorReference,
  type PickleValue,
} from "./pth/pickle-values.js";
export { openModelFolder, readModelConfig, requireConfig, type ModelFolder } from "./model-folder/open-model-folder.js";
export { readExpected, type ReadExpectedOptions } from "./model-folder/read-expected.js";
export { indexTar, type TarListener, type TarMember } from "./tar/index-tar.js";
export { isTarHeader } from "./tar/header.js";
export { shortList } from "./short-list.js";
export type { TensorFile } from "./tensor-file.js";
export { refuseHeaderless, refuseWrongFile } from "./wrong-file.js";
