/** Latents as samples: only the search runs. */
import { latentSize, type LatentSource } from "@revq/core";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { EncodeContext, EncodedRange, SampleSource } from "./sample-source.js";

export interface LatentSamplesInput {
  readonly latents: LatentSource;
  /** Names of their images, where they are known. */
  readonly names: readonly string[] | null;
  readonly description: string;
  readonly tokenizer: Tokenizer;
  /** Latents at a time. */
  readonly batch: number;
  /** Sweeps after the first search. Default: 0. */
  readonly effort?: number | undefined;
}

export function latentSamples({
  latents,
  names,
  description,
  tokenizer,
  batch,
  effort = 0,
}: LatentSamplesInput): SampleSource {
  const { channels, height, width } = latents.shape;
  const size = latentSize(latents.shape);
  const digits = Math.max(5, String(latents.count - 1).length);
  const known = names ?? Array.from({ length: latents.count }, (_, row) => String(row).padStart(digits, "0"));

  async function encode(from: number, to: number, { signal, onBatch }: EncodeContext): Promise<EncodedRange> {
    const images = Array.from({ length: to - from }, (_, i) => from + i);
    const tokens = tokenizer.layout.count;
    const codes = new Int32Array(images.length * tokens);
    let done = 0;
    const encodeRows = async (start: number): Promise<void> => {
      const rows = await latents.read(images.slice(start, start + batch));
      const values = tf.tensor4d(rows, [rows.length / size, height, width, channels]);
      try {
        const ids = await tokenizer.encodeLatents(values, { effort });
        codes.set((await ids.data()) as Int32Array, start * tokens);
        ids.dispose();
      } finally {
        values.dispose();
      }
    };
    const begin = (start: number): Promise<void> => {
      const work = start < images.length ? encodeRows(start) : Promise.resolve();
      work.catch(() => null); // it may fail before it is awaited
      return work;
    };
    /** The next rows are read and transformed while these are searched. */
    let next = begin(0);
    for (let start = 0; start < images.length; start += batch) {
      const current = next;
      next = begin(start + batch);
      try {
        await current;
      } catch (error) {
        await next.catch(() => null);
        throw error;
      }
      done = Math.min(start + batch, images.length);
      onBatch(done);
      if (!signal.aborted) continue;
      await next.catch(() => null);
      break;
    }
    return { images: images.slice(0, done), codes: codes.subarray(0, done * tokens), skipped: [] };
  }

  return {
    input: "latents",
    description,
    augment: "none",
    size: null,
    crops: 1,
    effort,
    names: known,
    beside: () => ({}),
    list: async () => known.map((name) => ({ name, bytes: 0 })),
    encode,
  };
}
