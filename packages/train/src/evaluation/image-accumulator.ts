/**
 * Accumulates the image metrics of reconstructions and of the VAE alone, with the given networks.
 */
import {
  CovarianceAccumulator,
  frechetDistance,
  InceptionScoreAccumulator,
  MeanAccumulator,
  msSsim,
  psnr,
  ssim,
} from "@revq/metrics";
import { underPrefix, withPrefix } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";
import { inceptionClasses, inceptionFeatures, type Inception, type Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { ImageMetrics } from "../run/records.js";

/** The range of images that one process measures. */
export interface MeasuredRange {
  /** All images, those of other processes included. */
  readonly expected: number;
  /** Index of this range's first image. */
  readonly first: number;
}

export interface MetricNetworks {
  readonly lpips?: Lpips;
  readonly inception?: Inception;
}

/** Channels of SqueezeNet's last activation. */
const squeezenetFeatures = 512;
/** MS-SSIM's five scales need images of that many pixels. */
const minMsSsimSize = 176;

/** Network features of one set of images: the originals, the VAE's or the tokenizer's. */
class FeatureAccumulator {
  readonly squeezenet = new CovarianceAccumulator(squeezenetFeatures);
  readonly inception: CovarianceAccumulator | null;
  readonly classes: InceptionScoreAccumulator;
  constructor(inception: boolean, { expected, first }: MeasuredRange) {
    this.classes = new InceptionScoreAccumulator(inceptionClasses, Math.max(1, expected), undefined, first);
    this.inception = inception ? new CovarianceAccumulator(inceptionFeatures) : null;
  }

  merge(state: SavedStatistics): void {
    if ("squeezenet.mean" in state) this.squeezenet.mergeState(underPrefix("squeezenet", state));
    if (!this.inception) return;
    this.inception.mergeState(underPrefix("inception", state));
    this.classes.merge(underPrefix("classes", state));
  }

  state(): SavedStatistics {
    const { squeezenet, inception, classes } = this;
    return {
      ...(squeezenet.count > 0 ? withPrefix("squeezenet", squeezenet.state()) : {}),
      ...(inception
        ? { ...withPrefix("inception", inception.state()), ...withPrefix("classes", classes.state()) }
        : {}),
    };
  }
}

const means = ["psnr", "ssim", "msSsim", "lpips"] as const;

/** The metrics of one set of images against the originals. */
class ReconstructionAccumulator {
  readonly psnr = new MeanAccumulator();
  readonly ssim = new MeanAccumulator();
  readonly msSsim = new MeanAccumulator();
  readonly lpips = new MeanAccumulator();
  readonly features: FeatureAccumulator;
  constructor(inception: boolean, range: MeasuredRange) {
    this.features = new FeatureAccumulator(inception, range);
  }

  merge(state: SavedStatistics): void {
    for (const name of means) this[name].merge(underPrefix(name, state));
    this.features.merge(underPrefix("features", state));
  }

  state(): SavedStatistics {
    return {
      ...Object.assign({}, ...means.map((name) => withPrefix(name, this[name].state()))),
      ...withPrefix("features", this.features.state()),
    };
  }
}

export class ImageMetricsAccumulator {
  private readonly originals: FeatureAccumulator;
  private readonly vae: ReconstructionAccumulator;
  private readonly reconstructed: ReconstructionAccumulator;

  /**
   * @param inception whether there are features of Inception; `merge` may bring them without a
   * network
   */
  constructor(
    private readonly size: number,
    private readonly networks: MetricNetworks,
    range: MeasuredRange,
    inception = networks.inception !== undefined,
  ) {
    this.originals = new FeatureAccumulator(inception, range);
    this.vae = new ReconstructionAccumulator(inception, range);
    this.reconstructed = new ReconstructionAccumulator(inception, range);
  }

  /** Adds the state of another accumulator on the same tokenizer. */
  merge(state: SavedStatistics): void {
    this.originals.merge(underPrefix("originals", state));
    this.vae.merge(underPrefix("vae", state));
    this.reconstructed.merge(underPrefix("reconstructed", state));
  }

  state(): SavedStatistics {
    return {
      ...withPrefix("originals", this.originals.state()),
      ...withPrefix("vae", this.vae.state()),
      ...withPrefix("reconstructed", this.reconstructed.state()),
    };
  }

  /** All `[n, size, size, 3]` in [0, 1], flat. Returns the PSNR of every reconstruction. */
  async add(original: Float32Array, vae: Float32Array, rectified: Float32Array): Promise<number[]> {
    const { size } = this;
    const values = size * size * 3;
    const psnrs: number[] = [];
    for (let start = 0; start < original.length; start += values) {
      const cut = (all: Float32Array): Float32Array => all.subarray(start, start + values);
      for (const [accumulator, images] of [
        [this.vae, vae],
        [this.reconstructed, rectified],
      ] as const) {
        const decibels = psnr(cut(original), cut(images));
        if (images === rectified) psnrs.push(decibels);
        accumulator.psnr.add(decibels);
        accumulator.ssim.add(ssim(cut(original), cut(images), size, size));
        if (size >= minMsSsimSize) accumulator.msSsim.add(msSsim(cut(original), cut(images), size, size));
      }
    }
    await this.addNetworks(original, vae, rectified);
    return psnrs;
  }

  private async addNetworks(...[original, vae, rectified]: Float32Array[]): Promise<void> {
    const { lpips, inception } = this.networks;
    if (!lpips && !inception) return;
    const images = [original!, vae!, rectified!].map((pixels) => toTensor(pixels, this.size));
    const sets = [this.originals, this.vae.features, this.reconstructed.features];
    if (lpips) {
      const activations = images.map((image) => lpips.features(image));
      for (const [accumulator, index] of [
        [this.vae, 1],
        [this.reconstructed, 2],
      ] as const) {
        const distances = lpips.compare(activations[0]!, activations[index]!);
        for (const distance of await distances.data()) accumulator.lpips.add(distance);
        distances.dispose();
      }
      if (lpips.network === "squeeze") {
        for (const [index, set] of sets.entries()) {
          const pooled = tf.mean(activations[index]!.at(-1)!, [1, 2]);
          set.squeezenet.add((await pooled.data()) as Float32Array);
          pooled.dispose();
        }
      }
      tf.dispose(activations);
    }
    if (inception) {
      for (const [index, set] of sets.entries()) {
        const { features, logits } = inception.run(images[index]!);
        set.inception!.add((await features.data()) as Float32Array);
        set.classes.add((await logits.data()) as Float32Array);
        tf.dispose([features, logits]);
      }
    }
    tf.dispose(images);
  }

  /** Null before the first image. A Fréchet distance on Inception's features takes seconds. */
  result(): { reconstructed: ImageMetrics; vae: ImageMetrics } | null {
    if (Number.isNaN(this.vae.psnr.mean)) return null;
    return { reconstructed: this.metrics(this.reconstructed), vae: this.metrics(this.vae) };
  }

  private metrics({ psnr, ssim, msSsim, lpips, features }: ReconstructionAccumulator): ImageMetrics {
    const known = ({ mean }: MeanAccumulator): number | null => (Number.isNaN(mean) ? null : mean);
    return {
      psnr: psnr.mean,
      ssim: ssim.mean,
      msSsim: known(msSsim),
      lpips: known(lpips),
      rfid: distance(this.originals.inception, features.inception),
      inceptionScore: features.inception ? features.classes.score : null,
      squeezenetFrechet: distance(this.originals.squeezenet, features.squeezenet),
    };
  }
}

/** Null for fewer than two images. Covariances are divided by n - 1, as pytorch-fid has them. */
function distance(a: CovarianceAccumulator | null, b: CovarianceAccumulator | null): number | null {
  if (!a || !b || a.count < 2) return null;
  const [first, second] = [a, b].map((set) => ({ mean: set.mean, covariance: set.covariance({ correction: 1 }) }));
  return frechetDistance(first!, second!);
}

/** [0, 1] to a tensor in [-1, 1]. */
function toTensor(pixels: Float32Array, size: number): Tensor4D {
  return tf.tensor4d(
    pixels.map((value) => value * 2 - 1),
    [pixels.length / (size * size * 3), size, size, 3],
  );
}
