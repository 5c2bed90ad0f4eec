/** Fits the linear backbone: the principal components of the training images' patches. */
import { RevqError, type FitContext, type ImageSource } from "@revq/core";
import { symmetricEigen } from "@revq/numerics";
import { accumulatePatches } from "./patch-covariance.js";

export interface LinearWeights {
  /** `[d]`, d = patch * patch * 3 in the order (y, x, channel). */
  readonly mean: Float32Array;
  /** `[channels, d]`: orthonormal rows, the direction of largest variance first. */
  readonly basis: Float32Array;
}

/** Multiplications that the covariance may take: a few seconds. */
const maxMultiplications = 6e9;
const maxPatches = 2_000_000;
/** With fewer patches per dimension a covariance is too noisy. */
const minPatchesPerDimension = 64;

/**
 * Reads every image once. Where the images hold more patches than the limits allow, each image
 * gives the same number of patches, drawn at random. The draw depends on the context's seed and the
 * image's name only.
 * @throws RevqError `image-size`, `backbone-no-images`
 */
export async function fitPrincipalComponents(
  images: ImageSource,
  { patch, channels }: { patch: number; channels: number },
  { random, report, signal }: FitContext,
): Promise<LinearWeights> {
  const dimension = patch * patch * 3;
  const across = Math.floor(images.size / patch);
  const perImage = across * across;
  if (perImage === 0) {
    throw new RevqError("image-size", `Images of ${images.size} pixels hold no patch of ${patch} x ${patch}.`, {
      fix: `Use images of at least ${patch} pixels, or a smaller patch.`,
      setting: { path: "data.imageSize", value: patch },
    });
  }
  const affordable = Math.max(minPatchesPerDimension * dimension, maxMultiplications / (dimension * dimension * 0.5));
  const wanted = Math.min(maxPatches, affordable);
  const taken = Math.min(perImage, Math.max(1, Math.ceil(wanted / Math.max(1, images.count))));
  const accumulator = accumulatePatches(patch);
  let done = 0;
  for await (const { names, size, pixels } of images.batches(16)) {
    signal.throwIfAborted();
    names.forEach((name, index) => {
      const image = pixels.subarray(index * size * size * 3, (index + 1) * size * size * 3);
      const chosen = taken === perImage ? undefined : random.fork(`patches of ${name}`).sample(perImage, taken);
      for (let k = 0; k < taken; k++) {
        const position = chosen ? chosen[k]! : k;
        accumulator.add(image, size, Math.floor(position / across) * patch, (position % across) * patch);
      }
    });
    done += names.length;
    report({ phase: "fit linear backbone", done, total: images.count });
  }
  if (done === 0) {
    throw new RevqError("backbone-no-images", `${images.description} gave no image to fit the linear backbone on.`, {
      fix: "Name a folder with readable images.",
      setting: { path: "data.train" },
    });
  }
  const { mean, covariance } = accumulator.finish();
  const { vectors } = symmetricEigen(covariance, dimension);
  return { mean: Float32Array.from(mean), basis: Float32Array.from(vectors.subarray(0, channels * dimension)) };
}
