/** Images as samples: read, cropped and encoded. */
import { isRevqError } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Augmentation } from "../job/plan.js";
import { cropCounts, cutCrops, sizeBeforeCrops } from "./crops.js";
import type { EncodeContext, EncodedRange, SampleSource } from "./sample-source.js";

export interface ImageSamplesInput {
  readonly images: IndexedImageSource;
  readonly tokenizer: Tokenizer;
  readonly augment: Augmentation;
  /** Images or crops at a time. */
  readonly batch: number;
  /** Sweeps after the first search. Default: 0. */
  readonly effort?: number | undefined;
}

export function imageSamples({
  images: found,
  tokenizer,
  augment,
  batch,
  effort = 0,
}: ImageSamplesInput): SampleSource {
  const size = tokenizer.imageSize;
  const images = found.withSize(sizeBeforeCrops(size, augment));
  const crops = cropCounts[augment];

  async function encode(from: number, to: number, { signal, onBatch }: EncodeContext): Promise<EncodedRange> {
    const range = images.select(Array.from({ length: to - from }, (_, i) => from + i));
    const indices = new Map(range.names.map((name, i) => [name, from + i]));
    const read: number[] = [];
    const codes = new Int32Array(range.count * crops * tokenizer.layout.count);
    let filled = 0;
    try {
      for await (const { names, pixels } of range.batches(Math.max(1, Math.floor(batch / crops)))) {
        const cut = cutCrops(pixels, images.size, size, augment);
        for (const ids of await encodeCrops({ tokenizer, batch, effort }, cut, size)) {
          codes.set(ids, filled);
          filled += ids.length;
        }
        read.push(...names.map((name) => indices.get(name)!));
        onBatch(read.length + range.skipped.length);
        if (signal.aborted) break;
      }
    } catch (error) {
      // A shard of unreadable images is an empty shard. The data set itself refuses to be empty.
      if (!isRevqError(error) || error.code !== "data-no-images") throw error;
    }
    return { images: read, codes: codes.subarray(0, filled), skipped: [...range.skipped] };
  }

  return {
    input: "images",
    description: images.description,
    augment,
    size: images.size,
    crops,
    effort,
    names: images.names,
    beside: images.beside,
    list: async () => {
      const sizes = await images.sizes();
      return images.names.map((name, i) => ({ name, bytes: sizes[i]! }));
    },
    encode,
  };
}

/** crops `[n, size, size, 3]` -> codes, at most `batch` crops at a time. */
async function encodeCrops(
  { tokenizer, batch, effort }: Pick<ImageSamplesInput, "tokenizer" | "batch" | "effort">,
  crops: Float32Array,
  size: number,
): Promise<Int32Array[]> {
  const each = size * size * 3;
  const found: Int32Array[] = [];
  for (let start = 0; start < crops.length; start += batch * each) {
    const some = crops.subarray(start, start + batch * each);
    const pixels = tf.tensor4d(some, [some.length / each, size, size, 3]);
    const ids = await tokenizer.encodeImages(pixels, { effort });
    found.push((await ids.data()) as Int32Array);
    tf.dispose([pixels, ids]);
  }
  return found;
}
