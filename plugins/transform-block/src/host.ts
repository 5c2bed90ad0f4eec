/**
 * The transform on host arrays, in float64 with results rounded to float32: the same bits on every engine, so ids do not
 * depend on the engine either.
 */
import { latentSize, type HostTransform } from "@revq/core";
import { blockElements } from "@revq/plugin-kit";
import { cosines } from "./dct.js";
import type { TransformGeometry } from "./geometry.js";

/** Blocks that are transformed at once. Their sums do not wait for each other, and each factor is read once for all. */
const lanes = 4;

/** @param rotation `[count, dim, dim]` as the geometry has it, rows are the axes; null leaves the rotation out */
export function createHostTransform(geometry: TransformGeometry, rotation: Float32Array | null): HostTransform {
  const { kind, shape, block, blocks, size } = geometry;
  const [rows, columns] = block;
  const { channels } = shape;
  const elements = blockElements(shape, geometry);
  const [down, across] = [cosines(rows), cosines(columns)];
  const [downBack, acrossBack] = [transposed(down, rows), transposed(across, columns)];
  const { count, dim } = geometry.rotations;
  const rotationBack = rotation && transposedEach(rotation, count, dim);
  const total = latentSize(shape);
  /** `[size, lanes]` */
  const values = new Float64Array(size * lanes);
  const scratch = new Float64Array(size * lanes);

  function rotate(matrices: Float32Array): void {
    for (let r = 0; r < count; r++) multiply(values, scratch, matrices, r, dim);
    values.set(scratch);
  }

  function eachBlock(latents: Float32Array, map: () => void): void {
    const all = (latents.length / total) * blocks;
    for (let first = 0; first < all; first += lanes) {
      const used = Math.min(lanes, all - first);
      for (let lane = 0; lane < used; lane++) {
        const sample = Math.floor((first + lane) / blocks) * total;
        const block = ((first + lane) % blocks) * size;
        for (let i = 0; i < size; i++) values[i * lanes + lane] = latents[sample + elements[block + i]!]!;
      }
      map();
      for (let lane = 0; lane < used; lane++) {
        const sample = Math.floor((first + lane) / blocks) * total;
        const block = ((first + lane) % blocks) * size;
        for (let i = 0; i < size; i++) latents[sample + elements[block + i]!] = values[i * lanes + lane]!;
      }
    }
  }

  return {
    forward: (latents) =>
      eachBlock(latents, () => {
        if (kind !== "pca") {
          alongAxis(values, scratch, across, rows, columns, channels);
          alongAxis(scratch, values, down, 1, rows, columns * channels);
        }
        if (rotation) rotate(rotation);
      }),
    inverse: (coefficients) =>
      eachBlock(coefficients, () => {
        if (rotationBack) rotate(rotationBack);
        if (kind === "pca") return;
        alongAxis(values, scratch, downBack, 1, rows, columns * channels);
        alongAxis(scratch, values, acrossBack, rows, columns, channels);
      }),
  };
}

/** from `[outer, n, inner, lanes]` -> to, with `matrix` `[n, n]` applied to the second axis. */
function alongAxis(
  from: Float64Array,
  to: Float64Array,
  matrix: Float64Array,
  outer: number,
  n: number,
  inner: number,
): void {
  const step = inner * lanes;
  for (let o = 0; o < outer; o++) {
    const base = o * n * step;
    for (let k = 0; k < n; k++) {
      const row = base + k * step;
      for (let j = 0; j < step; j += lanes) {
        let [a, b, c, d] = [0, 0, 0, 0];
        for (let i = 0, at = base + j; i < n; i++, at += step) {
          const factor = matrix[k * n + i]!;
          a += factor * from[at]!;
          b += factor * from[at + 1]!;
          c += factor * from[at + 2]!;
          d += factor * from[at + 3]!;
        }
        to[row + j] = a;
        to[row + j + 1] = b;
        to[row + j + 2] = c;
        to[row + j + 3] = d;
      }
    }
  }
}

/** Applies matrix `index` of `[count, dim, dim]` to elements `index * dim` to `(index + 1) * dim` of `[size, lanes]`. */
function multiply(from: Float64Array, to: Float64Array, matrices: Float32Array, index: number, dim: number): void {
  const base = index * dim;
  for (let k = 0; k < dim; k++) {
    const row = (base + k) * dim;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0, at = base * lanes; i < dim; i++, at += lanes) {
      const factor = matrices[row + i]!;
      a += factor * from[at]!;
      b += factor * from[at + 1]!;
      c += factor * from[at + 2]!;
      d += factor * from[at + 3]!;
    }
    const out = (base + k) * lanes;
    to[out] = a;
    to[out + 1] = b;
    to[out + 2] = c;
    to[out + 3] = d;
  }
}

function transposed(matrix: Float64Array, n: number): Float64Array {
  return Float64Array.from(matrix, (_, i) => matrix[(i % n) * n + Math.floor(i / n)]!);
}

function transposedEach(matrices: Float32Array, count: number, dim: number): Float32Array {
  const area = dim * dim;
  return Float32Array.from({ length: count * area }, (_, i) => {
    const [matrix, within] = [Math.floor(i / area) * area, i % area];
    return matrices[matrix + (within % dim) * dim + Math.floor(within / dim)]!;
  });
}
