/**
 * A byte source that is read in blocks, which are kept. Weights are read front to back in small
 * pieces: this makes one request per block instead of one per tensor. It reports its progress.
 */
import type { ByteSource } from "@revq/core";

const defaultBlock = 4 * 2 ** 20;

export function inBlocks(
  source: ByteSource,
  onProgress: (done: number, total: number) => void,
  block = defaultBlock,
): ByteSource {
  const blocks = new Map<number, Promise<Uint8Array>>();
  let done = 0;
  const readBlock = (index: number): Promise<Uint8Array> => {
    let bytes = blocks.get(index);
    if (!bytes) {
      const length = Math.min(block, source.size - index * block);
      bytes = source.read(index * block, length).then((read) => {
        done += read.length;
        onProgress(done, source.size);
        return read;
      });
      blocks.set(index, bytes);
    }
    return bytes;
  };
  return {
    name: source.name,
    size: source.size,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > source.size) return source.read(offset, length);
      const result = new Uint8Array(length);
      for (let at = offset; at < offset + length;) {
        const index = Math.floor(at / block);
        const bytes = await readBlock(index);
        const from = at - index * block;
        const part = bytes.subarray(from, Math.min(bytes.length, from + offset + length - at));
        result.set(part, at - offset);
        at += part.length;
      }
      return result;
    },
    async close() {
      blocks.clear();
      await source.close?.();
    },
  };
}
