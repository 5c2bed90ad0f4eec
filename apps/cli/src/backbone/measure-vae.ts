/** Scores a VAE alone. No tokenizer on this VAE is better. */
import { RevqError, type Backbone, type ImageSource, type ReportProgress } from "@revq/core";
import { MeanAccumulator, psnr, ssim, ssimMinSide, toUnitRange } from "@revq/metrics";
import * as tf from "@tensorflow/tfjs-core";

export interface VaeMetrics {
  readonly images: number;
  /** dB over RGB in [0, 1]; null if the VAE does not decode. */
  readonly psnr: number | null;
  /** Null for images of less than 11 pixels a side too. */
  readonly ssim: number | null;
  /** Without the first batch, if there are more. */
  readonly imagesPerSecond: { readonly encode: number; readonly decode: number | null };
}

interface Clock {
  images: number;
  ms: number;
}

export async function measureVae(
  backbone: Backbone,
  images: ImageSource,
  { batch, signal, report }: { batch: number; signal: AbortSignal; report: ReportProgress },
): Promise<VaeMetrics> {
  const [psnrs, ssims] = [new MeanAccumulator(), new MeanAccumulator()];
  const { decodes } = backbone.spec;
  const { size } = images;
  const clocks: { encode: Clock; decode: Clock }[] = [];
  let done = 0;
  for await (const { names, pixels } of images.batches(batch)) {
    signal.throwIfAborted();
    const n = names.length;
    const input = tf.tensor4d(pixels, [n, size, size, 3]);
    const clock = { encode: { images: n, ms: 0 }, decode: { images: n, ms: 0 } };
    const latents = await timed(clock.encode, () => backbone.encode(input));
    if (decodes) {
      const output = await timed(clock.decode, () => backbone.decode(latents));
      const [a, b] = [toUnitRange(pixels), toUnitRange((await output.data()) as Float32Array)];
      for (let i = 0; i < n; i++) {
        const cut = (all: Float32Array): Float32Array => all.subarray(i * size * size * 3, (i + 1) * size * size * 3);
        psnrs.add(psnr(cut(a), cut(b)));
        if (size >= ssimMinSide) ssims.add(ssim(cut(a), cut(b), size, size));
      }
      output.dispose();
    }
    tf.dispose([input, latents]);
    clocks.push(clock);
    done += n;
    report({ phase: "score the VAE", done, total: images.count });
  }
  if (done === 0) {
    throw new RevqError("no-images", `${images.description} has no readable image.`, {
      fix: "Name a folder of images.",
    });
  }
  // The first batch also fills the caches of the engine.
  const counted = clocks.length > 1 ? clocks.slice(1) : clocks;
  const rate = (pick: (clock: (typeof clocks)[number]) => Clock): number =>
    (1000 * counted.reduce((sum, clock) => sum + pick(clock).images, 0)) /
    counted.reduce((sum, clock) => sum + pick(clock).ms, 0);
  return {
    images: done,
    psnr: decodes ? psnrs.mean : null,
    ssim: Number.isNaN(ssims.mean) ? null : ssims.mean,
    imagesPerSecond: { encode: rate(({ encode }) => encode), decode: decodes ? rate(({ decode }) => decode) : null },
  };
}

/** Reads the result: engines may defer work until it is read. */
async function timed(clock: Clock, run: () => Promise<tf.Tensor4D>): Promise<tf.Tensor4D> {
  const started = performance.now();
  const result = await run();
  await result.data();
  clock.ms = performance.now() - started;
  return result;
}
