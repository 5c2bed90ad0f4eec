/** Opens a file of tensors by its contents: safetensors and PyTorch checkpoints are often misnamed. */
import type { ByteSource } from "@revq/core";
import { openPth } from "./pth/open.js";
import { openSafetensors } from "./safetensors/read.js";
import type { TensorFile } from "./tensor-file.js";

/** The names of files of weights. */
export const tensorFileName = /\.(safetensors|sft|pth|pt|ckpt|bin)$/i;

/**
 * The name decides only where the first bytes are those of neither format. The caller closes the
 * source.
 * @throws RevqError the errors of `openSafetensors` and `openPth`
 * @example
 * const bytes = writeSafetensors([{ name: "bias", shape: [2], data: Float32Array.of(1, 2) }]);
 * const file = await openTensorFile(fromBuffer("weights.ckpt", bytes));
 * [...file.tensors.keys()]; // => ["bias"]
 */
export async function openTensorFile(source: ByteSource): Promise<TensorFile> {
  const start = await source.read(0, Math.min(source.size, 9));
  return isSafetensors(source.name, start) ? openSafetensors(source) : openPth(source);
}

/** Safetensors begin with the length of a header, which begins with "{". */
function isSafetensors(name: string, start: Uint8Array): boolean {
  if (start[8] === 0x7b) return true;
  const zip = start[0] === 0x50 && start[1] === 0x4b;
  const pickle = start[0] === 0x80 && start[1]! <= 5;
  return !zip && !pickle && /\.(safetensors|sft)$/i.test(name);
}
