/** Image quality of reconstructions beside that of the VAE alone, with the networks that were given. */
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
import type { ImageQuality } from "../records.js";

/** Of all images that are scored, those that one process scores. */
export interface ScoredPart {
  /** How many there are, parts of others included. */
  readonly expected: number;
  /** Position of this part's first. */
  readonly first: number;
}

export interface MetricNetworks {
  readonly lpips?: Lpips;
  readonly inception?: Inception;
}

/** Channels of SqueezeNet's last activation. */
const squeezenetFeatures = 512;
/** MS-SSIM's five scales need so many pixels. */
const smallestMsSsim = 176;

/** One set of images: the originals, the VAE's, the tokenizer's. */
class Features {
  readonly squeezenet = new CovarianceAccumulator(squeezenetFeatures);
  readonly inception: CovarianceAccumulator | null;
  readonly classes: InceptionScoreAccumulator;
  constructor(inception: boolean, { expected, first }: ScoredPart) {
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

class Quality {
  readonly psnr = new MeanAccumulator();
  readonly ssim = new MeanAccumulator();
  readonly msSsim = new MeanAccumulator();
  readonly lpips = new MeanAccumulator();
  readonly features: Features;
  constructor(inception: boolean, part: ScoredPart) {
    this.features = new Features(inception, part);
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

export class ImageScore {
  private readonly originals: Features;
  private readonly floor: Quality;
  private readonly reconstructed: Quality;

  /** @param inception whether there are features of Inception; they may come from `merge` alone */
  constructor(
    private readonly size: number,
    private readonly networks: MetricNetworks,
    part: ScoredPart,
    inception = networks.inception !== undefined,
  ) {
    this.originals = new Features(inception, part);
    this.floor = new Quality(inception, part);
    this.reconstructed = new Quality(inception, part);
  }

  /** Adds what another one has seen of the same tokenizer: its `state`. */
  merge(state: SavedStatistics): void {
    this.originals.merge(underPrefix("originals", state));
    this.floor.merge(underPrefix("floor", state));
    this.reconstructed.merge(underPrefix("reconstructed", state));
  }

  state(): SavedStatistics {
    return {
      ...withPrefix("originals", this.originals.state()),
      ...withPrefix("floor", this.floor.state()),
      ...withPrefix("reconstructed", this.reconstructed.state()),
    };
  }

  /** All `[n, size, size, 3]` in [0, 1]. Returns the PSNR of every reconstruction. */
  async add(original: Float32Array, vae: Float32Array, rectified: Float32Array): Promise<number[]> {
    const { size } = this;
    const values = size * size * 3;
    const psnrs: number[] = [];
    for (let start = 0; start < original.length; start += values) {
      const cut = (all: Float32Array): Float32Array => all.subarray(start, start + values);
      for (const [quality, images] of [
        [this.floor, vae],
        [this.reconstructed, rectified],
      ] as const) {
        const decibels = psnr(cut(original), cut(images));
        if (images === rectified) psnrs.push(decibels);
        quality.psnr.add(decibels);
        quality.ssim.add(ssim(cut(original), cut(images), size, size));
        if (size >= smallestMsSsim) quality.msSsim.add(msSsim(cut(original), cut(images), size, size));
      }
    }
    await this.addNetworks(original, vae, rectified);
    return psnrs;
  }

  private async addNetworks(...[original, vae, rectified]: Float32Array[]): Promise<void> {
    const { lpips, inception } = this.networks;
    if (!lpips && !inception) return;
    const images = [original!, vae!, rectified!].map((pixels) => toTensor(pixels, this.size));
    const sets = [this.originals, this.floor.features, this.reconstructed.features];
    if (lpips) {
      const activations = images.map((image) => lpips.features(image));
      for (const [quality, index] of [
        [this.floor, 1],
        [this.reconstructed, 2],
      ] as const) {
        const distances = lpips.compare(activations[0]!, activations[index]!);
        for (const distance of await distances.data()) quality.lpips.add(distance);
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
  result(): { reconstructed: ImageQuality; floor: ImageQuality } | null {
    if (Number.isNaN(this.floor.psnr.mean)) return null;
    return { reconstructed: this.quality(this.reconstructed), floor: this.quality(this.floor) };
  }

  private quality({ psnr, ssim, msSsim, lpips, features }: Quality): ImageQuality {
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
