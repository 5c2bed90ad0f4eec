/**
 * Learns a transform: principal axes from covariances, and the variances of coefficients. The mean of the latents is taken
 * to be zero. Blocks are samples of one distribution.
 */
import { symmetricEigen } from "@revq/numerics";
import { blockElements } from "@revq/plugin-kit";
import type { FitContext, LatentSource } from "@revq/core";
import type { TransformGeometry } from "./geometry.js";
import { createHostTransform } from "./host.js";

export interface FittedTransform {
  /** `[count, dim, dim]`: rows are unit axes, largest variance first. */
  readonly rotation: Float32Array;
  /** Variance of every coefficient of a block over all blocks, `[size]`. */
  readonly variances: Float64Array;
}

/** Blocks that are read, and products that are summed, at most. */
const maxBlocks = 2 ** 16;
const maxProducts = 2 ** 33;

export async function fitTransform(
  source: LatentSource,
  geometry: TransformGeometry,
  { random, report, signal }: Pick<FitContext, "random" | "report" | "signal">,
): Promise<FittedTransform> {
  const { size, blocks, rotations } = geometry;
  const { count, dim } = rotations;
  const { forward } = createHostTransform(geometry, null);
  const elements = blockElements(geometry.shape, geometry);
  const affordable = Math.min(maxBlocks, maxProducts / Math.max(1, (count * dim * dim) / 2));
  const wanted = Math.max(1, Math.ceil(affordable / blocks));
  const rows =
    source.count <= wanted
      ? Int32Array.from({ length: source.count }, (_, row) => row)
      : random.fork("latents of the transform").sample(source.count, wanted).sort();
  const covariance = new Float64Array(count * dim * dim);
  const variances = new Float64Array(size);
  const values = new Float64Array(size);
  const chunk = Math.max(1, Math.floor(2 ** 20 / (size * blocks)));
  for (let first = 0; first < rows.length; first += chunk) {
    signal.throwIfAborted();
    report({ phase: "measure covariances", done: first, total: rows.length });
    const coefficients = await source.read(rows.subarray(first, first + chunk));
    forward(coefficients);
    for (let block = 0; block < coefficients.length / size; block++) {
      const sample = Math.floor(block / blocks) * blocks * size;
      const at = (block % blocks) * size;
      for (let i = 0; i < size; i++) values[i] = coefficients[sample + elements[at + i]!]!;
      for (let i = 0; i < size; i++) variances[i]! += values[i]! ** 2;
      for (let r = 0; r < count; r++) addProducts(covariance, values, r, dim);
    }
  }
  const total = Math.max(1, rows.length * blocks);
  for (let i = 0; i < size; i++) variances[i]! /= total;

  const rotation = new Float32Array(covariance.length);
  for (let r = 0; r < count; r++) {
    signal.throwIfAborted();
    const matrix = covariance.subarray(r * dim * dim, (r + 1) * dim * dim);
    for (let i = 0; i < dim; i++)
      for (let j = 0; j <= i; j++) matrix[j * dim + i] = matrix[i * dim + j] = matrix[i * dim + j]! / total;
    const eigen = symmetricEigen(matrix, dim);
    rotation.set(eigen.vectors, r * dim * dim);
    for (let k = 0; k < dim; k++) variances[r * dim + k] = Math.max(0, eigen.values[k]!);
  }
  report({ phase: "measure covariances", done: rows.length, total: rows.length });
  return { rotation, variances };
}

/** Adds the products of one rotation's elements to its covariance, lower triangle. */
function addProducts(covariance: Float64Array, values: Float64Array, index: number, dim: number): void {
  const base = index * dim;
  for (let i = 0; i < dim; i++) {
    const row = (base + i) * dim;
    const factor = values[base + i]!;
    for (let j = 0; j <= i; j++) covariance[row + j]! += factor * values[base + j]!;
  }
}
