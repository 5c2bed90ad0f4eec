/**
 * Standardizes latents: every element (channel, row, column) minus its mean over the training set,
 * divided by its standard deviation over N (not N - 1). arXiv 2507.10547, preprocessing of the
 * latents.
 */
import {
  latentSize,
  requireTensor,
  type Disposable,
  type LatentShape,
  type LatentSource,
  type Moments,
  type NamedTensors,
} from "@revq/core";
import { LatentMoments } from "@revq/numerics";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** Mean and standard deviation per element, `[h, w, c]` flat. */
export interface LatentStatistics {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/** An element with a smaller deviation is taken as constant: it is only centred. */
const smallestStd = 1e-6;

/**
 * Statistics of a source: those that it knows, else from one pass in float64. Throws
 * `latent-not-finite`.
 *
 * @example
 * const rows = [Float32Array.of(1, 10), Float32Array.of(3, 30)];
 * const source = {
 *   shape: { channels: 2, height: 1, width: 1 },
 *   count: 2,
 *   read: async (indices) => Float32Array.from([...indices].flatMap((i) => [...rows[i]])),
 * };
 * const { mean, std } = await measureLatents(source);
 * mean; // => [2, 20]
 * std; // => [1, 10]
 */
export async function measureLatents(source: LatentSource): Promise<LatentStatistics> {
  const known = await source.moments?.();
  if (known) return latentStatistics(known);
  const size = latentSize(source.shape);
  const moments = new LatentMoments(size);
  const batch = Math.max(1, Math.floor(elementsAtOnce / size));
  for (let start = 0; start < source.count; start += batch) {
    const rows = Math.min(batch, source.count - start);
    moments.add(await source.read(Int32Array.from({ length: rows }, (_, row) => start + row)));
  }
  return latentStatistics(moments);
}

/** 16 MiB of float32. */
const elementsAtOnce = 2 ** 22;

function latentStatistics({ count, mean, squares }: Moments): LatentStatistics {
  return {
    mean: Float32Array.from(mean),
    std: Float32Array.from(squares, (sum) => {
      const std = Math.sqrt(sum / Math.max(1, count));
      return std < smallestStd ? 1 : std;
    }),
  };
}

/**
 * Standardizes tensors, and back.
 *
 * @example
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * const statistics = { mean: Float32Array.of(1, 2), std: Float32Array.of(2, 4) };
 * const standardizer = Standardizer.fromStatistics({ channels: 2, height: 1, width: 1 }, statistics);
 * const standardized = standardizer.standardize(tf.tensor4d([3, 6], [1, 1, 1, 2]));
 * await standardized.data(); // => [1, 1]
 * await standardizer.unstandardize(standardized).data(); // => [3, 6]
 */
export class Standardizer implements Disposable {
  private constructor(
    readonly shape: LatentShape,
    /** The statistics on the host. */
    readonly statistics: LatentStatistics,
    private readonly mean: Tensor3D,
    private readonly std: Tensor3D,
  ) {}

  static fromStatistics(shape: LatentShape, statistics: LatentStatistics): Standardizer {
    const dims: [number, number, number] = [shape.height, shape.width, shape.channels];
    const { mean, std } = statistics;
    return new Standardizer(shape, statistics, tf.tensor3d(mean, dims), tf.tensor3d(std, dims));
  }

  /** @param state `mean` and `std`, `[c, h, w]` float32, as `state()` gives them */
  static async fromState(shape: LatentShape, state: NamedTensors): Promise<Standardizer> {
    const dims = [shape.channels, shape.height, shape.width];
    const read = (name: string): Tensor3D => tf.transpose(requireTensor(state, name, dims) as Tensor3D, [1, 2, 0]);
    const [mean, std] = [read("mean"), read("std")];
    const statistics = {
      mean: Float32Array.from(await mean.data()),
      std: Float32Array.from(await std.data()),
    };
    return new Standardizer(shape, statistics, mean, std);
  }

  /** latents `[n, h, w, c]` -> standardized `[n, h, w, c]`. */
  standardize(latents: Tensor4D): Tensor4D {
    return tf.tidy(() => tf.div(tf.sub(latents, this.mean), this.std));
  }

  /** The inverse of `standardize`. */
  unstandardize(standardized: Tensor4D): Tensor4D {
    return tf.tidy(() => tf.add(tf.mul(standardized, this.std), this.mean));
  }

  /** latents `[n, h, w, c]` minus their mean. */
  centre(latents: Tensor4D): Tensor4D {
    return tf.sub(latents, this.mean);
  }

  /** centred latents `[n, h, w, c]` -> standardized. */
  scale(centred: Tensor4D): Tensor4D {
    return tf.div(centred, this.std);
  }

  /** standardized `[n, h, w, c]` -> latents minus their mean. */
  unscale(standardized: Tensor4D): Tensor4D {
    return tf.mul(standardized, this.std);
  }

  /**
   * `mean` and `std`, `[c, h, w]` float32. Unlike other states these are new tensors: the caller
   * disposes them.
   */
  state(): NamedTensors {
    return { mean: tf.transpose(this.mean, [2, 0, 1]), std: tf.transpose(this.std, [2, 0, 1]) };
  }

  dispose(): void {
    this.mean.dispose();
    this.std.dispose();
  }
}

/** The latents minus their mean, on the host, rounded to float32 as on an engine. */
export function centredSource(source: LatentSource, { mean }: LatentStatistics): LatentSource {
  return mapped(source, (values) => {
    const size = mean.length;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! - mean[i % size]!;
  });
}

/**
 * The latents standardized on the host as they are read. Every step is rounded to float32, as on an
 * engine.
 *
 * @example
 * const rows = [Float32Array.of(1, 10), Float32Array.of(3, 30)];
 * const source = {
 *   shape: { channels: 2, height: 1, width: 1 },
 *   count: 2,
 *   read: async (indices) => Float32Array.from([...indices].flatMap((i) => [...rows[i]])),
 * };
 * const standardized = standardizedSource(source, await measureLatents(source));
 * await standardized.read([1]); // => [1, 1]
 */
export function standardizedSource(source: LatentSource, { mean, std }: LatentStatistics): LatentSource {
  return mapped(source, (values) => {
    const size = mean.length;
    for (let i = 0; i < values.length; i++) {
      values[i] = Math.fround(values[i]! - mean[i % size]!) / std[i % size]!;
    }
  });
}

function mapped(source: LatentSource, map: (values: Float32Array) => void): LatentSource {
  return {
    shape: source.shape,
    count: source.count,
    async read(indices) {
      const values = await source.read(indices);
      map(values);
      return values;
    },
  };
}
