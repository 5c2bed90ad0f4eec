/**
 * Reads safetensors files tensor by tensor, by byte ranges. Opening reads the header only, so the
 * largest tensor read bounds the memory. Format: https://github.com/huggingface/safetensors#format.
 */
import { nearestNames, RevqError, type ByteSource } from "@revq/core";
import { requireReadable, toFloat32, viewAs, type DType } from "../dtypes.js";
import type { TensorFile } from "../tensor-file.js";
import { refuseHeaderless, wrongFileBytes } from "../wrong-file.js";
import { damagedFile, maxHeaderLength, parseHeader, type SafetensorsHeader, type TensorInfo } from "./header.js";

/**
 * `tensors` also has the place of each tensor. An unknown name throws `safetensors-unknown-tensor`.
 */
export interface Safetensors extends TensorFile, SafetensorsHeader {
  readonly tensors: SafetensorsHeader["tensors"];
}

/**
 * Opens a file and checks its header. The caller owns the source and closes it after the last read.
 * @throws RevqError `safetensors-*` (too short, header too long, not JSON, unknown dtype, bad
 * shape, overlap, hole, truncated, …), `git-lfs-pointer`, `html-instead-of-data`
 * @example
 * const bytes = writeSafetensors([{ name: "bias", shape: [2], data: Float32Array.of(1, 2), dtype: "F16" }]);
 * const file = await openSafetensors(fromBuffer("weights.safetensors", bytes));
 * (await file.readFloat32("bias")).data; // => [1, 2]
 */
export async function openSafetensors(source: ByteSource): Promise<Safetensors> {
  const { name, size } = source;
  const start = await source.read(0, Math.min(size, wrongFileBytes));
  refuseHeaderless(name, start);
  const damaged = { fix: damagedFile };
  if (size < 8) {
    throw new RevqError(
      "safetensors-too-short",
      `${name} has ${size} bytes; a safetensors file has at least 10.`,
      damaged,
    );
  }
  const headerLength = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > maxHeaderLength) {
    throw new RevqError(
      "safetensors-header-too-long",
      `${name}: the header has ${headerLength} bytes; the limit is ${maxHeaderLength}.`,
      damaged,
    );
  }
  if (8 + headerLength > size) {
    throw new RevqError(
      "safetensors-truncated",
      `${name}: got ${size} bytes of at least ${8 + headerLength}: the file ends inside its header.`,
      damaged,
    );
  }
  const header = parseHeader(name, await source.read(8, headerLength), 8 + headerLength, size);

  const info = (tensor: string): TensorInfo & { readonly dtype: DType } => {
    const found = header.tensors.get(tensor);
    if (found) return { ...found, dtype: requireReadable(found.dtype, tensor, name) };
    const near = nearestNames(tensor, [...header.tensors.keys()]);
    throw new RevqError("safetensors-unknown-tensor", `${name} has no tensor "${tensor}".`, {
      fix: near.length
        ? `Did you mean ${near.map((one) => `"${one}"`).join(" or ")}?`
        : "Is it the file of another model?",
    });
  };
  return {
    name,
    ...header,
    async read(tensor) {
      const { dtype, shape, offset, length } = info(tensor);
      return { shape, data: viewAs(await source.read(offset, length), dtype) };
    },
    async readFloat32(tensor) {
      const { dtype, shape, offset, length } = info(tensor);
      const bytes = await source.read(offset, length);
      // F32 is copied: the bytes may be a view of memory that the source shares.
      return { shape, data: toFloat32(viewAs(dtype === "F32" ? bytes.slice() : bytes, dtype), dtype) };
    },
  };
}
