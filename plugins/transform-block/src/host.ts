/**
 * The transform on host arrays, in float64 with results rounded to float32: the same bits on every engine, so ids do not
 * depend on the engine either.
 */
import { latentSize, type HostTransform } from "@revq/core";
import { blockElements } from "@revq/plugin-kit";
import { cosines } from "./dct.js";
import type { TransformGeometry } from "./geometry.js";

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
  const values = new Float64Array(size);
  const scratch = new Float64Array(size);

  function rotate(matrices: Float32Array): void {
    for (let r = 0; r < count; r++) multiply(values, scratch, matrices, r, dim);
    values.set(scratch);
  }

  function eachBlock(latents: Float32Array, map: () => void): void {
    for (let sample = 0; sample < latents.length; sample += total) {
      for (let b = 0; b < blocks; b++) {
        for (let i = 0; i < size; i++) values[i] = latents[sample + elements[b * size + i]!]!;
        map();
        for (let i = 0; i < size; i++) latents[sample + elements[b * size + i]!] = values[i]!;
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

/** from `[outer, n, inner]` -> to, with `matrix` `[n, n]` applied to the middle axis. */
function alongAxis(
  from: Float64Array,
  to: Float64Array,
  matrix: Float64Array,
  outer: number,
  n: number,
  inner: number,
): void {
  for (let o = 0; o < outer; o++) {
    const base = o * n * inner;
    for (let k = 0; k < n; k++) {
      const row = base + k * inner;
      to.fill(0, row, row + inner);
      for (let i = 0; i < n; i++) {
        const factor = matrix[k * n + i]!;
        const column = base + i * inner;
        for (let j = 0; j < inner; j++) to[row + j]! += factor * from[column + j]!;
      }
    }
  }
}

/** Applies matrix `index` of `[count, dim, dim]` to elements `index * dim` to `(index + 1) * dim`. */
function multiply(from: Float64Array, to: Float64Array, matrices: Float32Array, index: number, dim: number): void {
  const base = index * dim;
  for (let k = 0; k < dim; k++) {
    const row = (base + k) * dim;
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += matrices[row + i]! * from[base + i]!;
    to[base + k] = sum;
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
