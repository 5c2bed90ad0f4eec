/**
 * Standardizes latents: every dimension (channel, row, column) minus its mean over the training set, divided by its
 * standard deviation (over N, not N-1). arXiv 2507.10547, preprocessing of the latents.
 */
import { latentSize, requireTensor, type Disposable, type LatentShape, type LatentSource, type Moments, type NamedTensors } from "@revq/core";
import { LatentMoments } from "@revq/numerics";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** Mean and standard deviation per dimension, `[h, w, c]` flat. */
export interface LatentStatistics {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/** A dimension that varies by less never varies: it is only centred. */
const smallestStd = 1e-6;

/** What the source knows of itself, else one pass over the latents in float64; throws `latent-not-finite`. */
export async function measureLatents(source: LatentSource): Promise<LatentStatistics> {
  const known = await source.moments?.();
  if (known) return latentStatistics(known);
  const size = latentSize(source.shape);
  const moments = new LatentMoments(size);
  const batch = Math.max(1, Math.floor(numbersAtOnce / size));
  for (let start = 0; start < source.count; start += batch) {
    const rows = Math.min(batch, source.count - start);
    moments.add(await source.read(Int32Array.from({ length: rows }, (_, row) => start + row)));
  }
  return latentStatistics(moments);
}

/** 16 MiB of float32. */
const numbersAtOnce = 2 ** 22;

function latentStatistics({ count, mean, squares }: Moments): LatentStatistics {
  return {
    mean: Float32Array.from(mean),
    std: Float32Array.from(squares, (sum) => {
      const std = Math.sqrt(sum / Math.max(1, count));
      return std < smallestStd ? 1 : std;
    }),
  };
}

export class Standardizer implements Disposable {
  private constructor(
    readonly shape: LatentShape,
    private readonly mean: Tensor3D,
    private readonly std: Tensor3D,
  ) {}

  static fromStatistics(shape: LatentShape, { mean, std }: LatentStatistics): Standardizer {
    const dims: [number, number, number] = [shape.height, shape.width, shape.channels];
    return new Standardizer(shape, tf.tensor3d(mean, dims), tf.tensor3d(std, dims));
  }

  /** @param state `mean` and `std`, `[c, h, w]` float32, as `state()` gives them */
  static fromState(shape: LatentShape, state: NamedTensors): Standardizer {
    const dims = [shape.channels, shape.height, shape.width];
    const read = (name: string): Tensor3D => tf.transpose(requireTensor(state, name, dims) as Tensor3D, [1, 2, 0]);
    return new Standardizer(shape, read("mean"), read("std"));
  }

  /** latents `[n, h, w, c]` -> standardized `[n, h, w, c]`. */
  standardize(latents: Tensor4D): Tensor4D {
    return tf.tidy(() => tf.div(tf.sub(latents, this.mean), this.std));
  }

  /** The inverse of `standardize`. */
  restoreScale(standardized: Tensor4D): Tensor4D {
    return tf.tidy(() => tf.add(tf.mul(standardized, this.std), this.mean));
  }

  /** `mean` and `std`, `[c, h, w]` float32. Unlike other states these are new tensors: the caller disposes them. */
  state(): NamedTensors {
    return { mean: tf.transpose(this.mean, [2, 0, 1]), std: tf.transpose(this.std, [2, 0, 1]) };
  }

  dispose(): void {
    this.mean.dispose();
    this.std.dispose();
  }
}

/** The same latents, standardized on the host as they are read; every step is rounded to float32, as on an engine. */
export function standardizedSource(source: LatentSource, { mean, std }: LatentStatistics): LatentSource {
  return {
    shape: source.shape,
    count: source.count,
    async read(indices) {
      const values = await source.read(indices);
      const size = mean.length;
      for (let i = 0; i < values.length; i++) {
        values[i] = Math.fround(values[i]! - mean[i % size]!) / std[i % size]!;
      }
      return values;
    },
  };
}
