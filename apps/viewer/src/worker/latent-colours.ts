/**
 * Latents as small pictures, a pixel a position: three principal components of the channels as
 * colours, or one component on a diverging scale (blue below zero, white, red above).
 */
import { symmetricEigen } from "@revq/numerics";
import type { DecodedImage } from "@revq/tokenizer";

/** Principal axes of the channels. Pictures with the same basis can be compared. */
export interface LatentBasis {
  /** `[c]` */
  readonly mean: Float64Array;
  /** `[axes, c]`, of unit length, the largest variance first; the largest element is positive. */
  readonly axes: readonly Float64Array[];
  /** The value of each axis that gets the least colour, and the one that gets the most. */
  readonly ranges: readonly (readonly [low: number, high: number])[];
}

const axisCount = 3;

/** The share of positions at either end whose colour is clamped. */
const clamped = 0.02;

/** @param values latents `[h, w, c]` flat, float32 */
export function fitBasis(values: Float32Array, channels: number): LatentBasis {
  const { mean, axes } = principalAxes(values, channels, true);
  const ranges = axes.map((axis): readonly [number, number] => {
    const sorted = projected(values, channels, mean, axis).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    return [at(clamped), at(1 - clamped)];
  });
  return { mean, axes, ranges };
}

function principalAxes(
  values: Float32Array,
  channels: number,
  centred: boolean,
): { mean: Float64Array; axes: Float64Array[] } {
  const positions = values.length / channels;
  const mean = new Float64Array(channels);
  if (centred) for (let i = 0; i < values.length; i++) mean[i % channels]! += values[i]! / positions;
  const covariance = new Float64Array(channels * channels);
  for (let start = 0; start < values.length; start += channels) {
    for (let a = 0; a < channels; a++) {
      const x = values[start + a]! - mean[a]!;
      for (let b = 0; b < channels; b++) covariance[a * channels + b]! += x * (values[start + b]! - mean[b]!);
    }
  }
  const { vectors } = symmetricEigen(covariance, channels);
  const axes = Array.from({ length: Math.min(axisCount, channels) }, (_, axis) => {
    const vector = Float64Array.from(vectors.subarray(axis * channels, (axis + 1) * channels));
    const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    return largest < 0 ? vector.map((value) => -value) : vector;
  });
  return { mean, axes };
}

/** The coordinate of every position on an axis, `[h * w]`. */
function projected(values: Float32Array, channels: number, mean: Float64Array, axis: Float64Array): Float64Array {
  const coordinates = new Float64Array(values.length / channels);
  for (let i = 0; i < values.length; i++) {
    coordinates[Math.floor(i / channels)]! += (values[i]! - mean[i % channels]!) * axis[i % channels]!;
  }
  return coordinates;
}

/**
 * latents `[h, w, c]` flat -> RGB `[h, w]`: the first component as brightness, the next two as
 * colour (red against green, yellow against blue). One channel gives grey.
 */
export function colourPicture(
  values: Float32Array,
  { channels, height, width }: { channels: number; height: number; width: number },
  { mean, axes, ranges }: LatentBasis,
): DecodedImage {
  const [light, red, yellow] = [0, 1, 2].map((i) => {
    const [low, high] = ranges[i] ?? [0, 0];
    if (high <= low) return null;
    return projected(values, channels, mean, axes[i]!).map((value) => (value - low) / (high - low));
  });
  const data = new Uint8ClampedArray(height * width * 4).fill(255);
  for (let position = 0; position < height * width; position++) {
    const y = 0.12 + 0.8 * (light?.[position] ?? 0.5);
    const u = chroma * ((red?.[position] ?? 0.5) - 0.5);
    const v = chroma * ((yellow?.[position] ?? 0.5) - 0.5);
    data.set([255 * (y + u + v / 2), 255 * (y - u / 2 + v / 2), 255 * (y - v * 1.5)], position * 4);
  }
  return { width, height, data };
}

/** How colourful the second and the third component are. */
const chroma = 0.45;

/**
 * Deviations from the mean, `[h, w, c]` flat -> their largest component with its sign, `[h * w]`.
 * The mean is 0, so a position that says nothing stays white.
 */
export function mainComponent(deviations: Float32Array, channels: number): Float32Array {
  const { mean, axes } = principalAxes(deviations, channels, false);
  return Float32Array.from(projected(deviations, channels, mean, axes[0]!));
}

/** The magnitude below which all but the largest values of a component lie: the end of a scale. */
export function extentOf(component: Float32Array): number {
  const sorted = component.map(Math.abs).sort();
  return sorted[Math.round((1 - clamped) * (sorted.length - 1))] ?? 0;
}

/** Below 1, so that weak groups beside a strong one are not white. */
const softness = 0.6;
const below = [33, 82, 204];
const above = [221, 58, 26];

/** A component `[h * w]` on the diverging scale from -extent to extent. */
export function divergingPicture(
  component: Float32Array,
  { height, width }: { height: number; width: number },
  extent: number,
): DecodedImage {
  const data = new Uint8ClampedArray(height * width * 4).fill(255);
  component.forEach((value, position) => {
    const share = extent > 0 ? Math.min(1, Math.abs(value) / extent) ** softness : 0;
    const end = value < 0 ? below : above;
    for (let channel = 0; channel < 3; channel++) data[position * 4 + channel] = 255 + share * (end[channel]! - 255);
  });
  return { width, height, data };
}
