/** Images to latents, once: fits a fitted backbone, encodes every readable image, keeps the latents under run/latents. */
import {
  isFittable,
  latentShapeOf,
  latentSize,
  RevqError,
  type Backbone,
  type FitContext,
  type ImageSource,
  type LatentSource,
} from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";

/** Fits the backbone if it is one that is fitted and has no state yet. */
export async function prepareBackbone(backbone: Backbone, images: ImageSource, context: FitContext): Promise<void> {
  if (isFittable(backbone) && !backbone.fitted) await backbone.fit(images, context);
}

/** Encodes every readable image of the source, in its order. */
export async function extractLatents(
  backbone: Backbone,
  images: ImageSource,
  phase: string,
  encodeBatch: number,
  context: FitContext,
): Promise<LatentSource> {
  const shape = latentShapeOf(backbone.spec, images.size);
  const size = latentSize(shape);
  let values = new Float32Array(images.count * size);
  let done = 0;
  for await (const batch of images.batches(encodeBatch)) {
    context.signal.throwIfAborted();
    const pixels = tf.tensor4d(batch.pixels, [batch.names.length, batch.size, batch.size, 3]);
    const latents = await backbone.encode(pixels);
    values.set((await latents.data()) as Float32Array, done * size);
    tf.dispose([pixels, latents]);
    done += batch.names.length;
    context.report({ phase, done, total: images.count });
  }
  if (done === 0) {
    throw new RevqError(
      "data-no-images",
      `None of the ${images.count} images of ${images.description} could be read.`,
      {
        fix: `The first problem: ${images.skipped[0]?.name ?? ""}: ${images.skipped[0]?.reason ?? "unknown"}.`,
      },
    );
  }
  values = values.subarray(0, done * size);
  return inMemoryLatents(shape, values);
}
