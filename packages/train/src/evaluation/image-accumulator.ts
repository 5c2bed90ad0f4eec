/**
 * Accumulates the image metrics of reconstructions and of the VAE alone, with the given networks.
 */
import {
  CovarianceAccumulator,
  frechetDistance,
  InceptionScoreAccumulator,
  MeanAccumulator,
  msSsimMinSide,
  psnr,
  ssim,
  ssimAndMsSsim,
  ssimMinSide,
} from "@revq/metrics";
import { underPrefix, withPrefix } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";
import { inceptionClasses, inceptionFeatures, type Inception, type Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { ImageMetrics, TokenizerMetrics } from "../run/records.js";
import type { ImageScores } from "./shown-images.js";

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

/** Those that images of this size are large enough for. */
export function networksFor(size: number, { lpips, inception }: MetricNetworks): MetricNetworks {
  return {
    ...(lpips && size >= lpips.minSide ? { lpips } : {}),
    ...(inception ? { inception } : {}),
  };
}

/** Channels of SqueezeNet's last activation. */
const squeezenetFeatures = 512;

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

/** Images `[n, size, size, 3]` in [0, 1], flat. */
export interface ImageSets {
  readonly original: Float32Array;
  /** Of the VAE alone. */
  readonly vae: Float32Array;
  readonly reconstructed: Float32Array;
  /** Of the same ids, by the backbone's own decoder; present if the decoder is adapted. */
  readonly oldDecoder?: Float32Array;
}

type Reconstruction = Exclude<keyof ImageSets, "original">;

export interface ImageAccumulatorOptions {
  /** Side of the images. */
  readonly size: number;
  readonly networks: MetricNetworks;
  readonly range: MeasuredRange;
  /** The decoder is adapted: the backbone's own one is measured too. */
  readonly adapted: boolean;
  /** Whether there are features of Inception; `merge` may bring them without a network. */
  readonly inception?: boolean;
}

export class ImageMetricsAccumulator {
  private readonly size: number;
  private readonly networks: MetricNetworks;
  private readonly originals: FeatureAccumulator;
  private readonly sets: ReadonlyMap<Reconstruction, ReconstructionAccumulator>;

  constructor({
    size,
    networks,
    range,
    adapted,
    inception = networks.inception !== undefined,
  }: ImageAccumulatorOptions) {
    this.size = size;
    this.networks = networksFor(size, networks);
    this.originals = new FeatureAccumulator(inception, range);
    const names: Reconstruction[] = ["vae", "reconstructed", ...(adapted ? (["oldDecoder"] as const) : [])];
    this.sets = new Map(names.map((name) => [name, new ReconstructionAccumulator(inception, range)]));
  }

  /** Adds the state of another accumulator on the same tokenizer. */
  merge(state: SavedStatistics): void {
    this.originals.merge(underPrefix("originals", state));
    for (const [name, set] of this.sets) set.merge(underPrefix(name, state));
  }

  state(): SavedStatistics {
    const sets = [...this.sets].map(([name, set]) => withPrefix(name, set.state()));
    return { ...withPrefix("originals", this.originals.state()), ...Object.assign({}, ...sets) };
  }

  /** @returns the scores of every reconstruction */
  async add(images: ImageSets): Promise<Pick<ImageScores, "psnr" | "lpips">[]> {
    const { size } = this;
    const values = size * size * 3;
    const psnrs: number[] = [];
    for (let start = 0; start < images.original.length; start += values) {
      const cut = (all: Float32Array): Float32Array => all.subarray(start, start + values);
      const original = cut(images.original);
      for (const [name, accumulator] of this.sets) {
        const image = cut(images[name]!);
        const decibels = psnr(original, image);
        if (name === "reconstructed") psnrs.push(decibels);
        accumulator.psnr.add(decibels);
        if (size >= msSsimMinSide) {
          const both = ssimAndMsSsim(original, image, size, size);
          accumulator.ssim.add(both.ssim);
          accumulator.msSsim.add(both.msSsim);
        } else if (size >= ssimMinSide) accumulator.ssim.add(ssim(original, image, size, size));
      }
    }
    const distances = await this.addNetworks(images);
    return psnrs.map((decibels, index) => ({ psnr: decibels, lpips: distances[index] ?? null }));
  }

  /** @returns LPIPS of every reconstruction; empty where it is not measured */
  private async addNetworks(images: ImageSets): Promise<readonly number[]> {
    const { lpips, inception } = this.networks;
    if (!lpips && !inception) return [];
    const distances: number[] = [];
    const measured = [
      { images: toTensor(images.original, this.size), features: this.originals, lpips: null },
      ...[...this.sets].map(([name, set]) => ({
        images: toTensor(images[name]!, this.size),
        features: set.features,
        lpips: { mean: set.lpips, each: name === "reconstructed" ? distances : null },
      })),
    ];
    if (lpips) await addLpips(lpips, measured);
    if (inception) await addInception(inception, measured);
    tf.dispose(measured.map((set) => set.images));
    return distances;
  }

  /** Null before the first image. A Fréchet distance on Inception's features takes seconds. */
  result(): (Pick<TokenizerMetrics, "vae" | "oldDecoder"> & { reconstructed: ImageMetrics }) | null {
    const [vae, reconstructed, oldDecoder] = (["vae", "reconstructed", "oldDecoder"] as const).map((name) =>
      this.sets.get(name),
    );
    if (Number.isNaN(vae!.psnr.mean)) return null;
    return {
      reconstructed: this.metrics(reconstructed!),
      vae: this.metrics(vae!),
      oldDecoder: oldDecoder ? this.metrics(oldDecoder) : null,
    };
  }

  private metrics({ psnr, ssim, msSsim, lpips, features }: ReconstructionAccumulator): ImageMetrics {
    const known = ({ mean }: MeanAccumulator): number | null => (Number.isNaN(mean) ? null : mean);
    return {
      psnr: psnr.mean,
      ssim: known(ssim),
      msSsim: known(msSsim),
      lpips: known(lpips),
      rfid: distance(this.originals.inception, features.inception),
      inceptionScore: features.inception ? features.classes.score : null,
      squeezenetFrechet:
        features.squeezenet.count > squeezenetFeatures
          ? distance(this.originals.squeezenet, features.squeezenet)
          : null, // of fewer images than features the covariance says little
    };
  }
}

/** One set of images for the networks. The originals have no distances. */
interface NetworkSet {
  readonly images: Tensor4D;
  readonly features: FeatureAccumulator;
  readonly lpips: {
    readonly mean: MeanAccumulator;
    /** Where the distance of every image goes. */
    readonly each: number[] | null;
  } | null;
}

/** @param sets the originals first */
async function addLpips(lpips: Lpips, sets: readonly NetworkSet[]): Promise<void> {
  const activations = sets.map(({ images }) => lpips.features(images));
  for (const [index, set] of sets.entries()) {
    if (set.lpips) {
      const distances = lpips.compare(activations[0]!, activations[index]!);
      for (const distance of await distances.data()) {
        set.lpips.mean.add(distance);
        set.lpips.each?.push(distance);
      }
      distances.dispose();
    }
    if (lpips.network === "squeeze") {
      const pooled = tf.mean(activations[index]!.at(-1)!, [1, 2]);
      set.features.squeezenet.add((await pooled.data()) as Float32Array);
      pooled.dispose();
    }
  }
  tf.dispose(activations);
}

async function addInception(inception: Inception, sets: readonly NetworkSet[]): Promise<void> {
  for (const set of sets) {
    const { features, logits } = inception.run(set.images);
    set.features.inception!.add((await features.data()) as Float32Array);
    set.features.classes.add((await logits.data()) as Float32Array);
    tf.dispose([features, logits]);
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
