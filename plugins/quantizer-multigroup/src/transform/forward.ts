/**
 * Latents to coefficients, on the host in float64 with results rounded to float32: the same bits on every engine, so codes do not
 * depend on the engine either.
 */
import { latentSize, type LatentSource } from "@revq/core";
import { cosines } from "./dct.js";
import { blockPlaces, type TransformGeometry } from "./geometry.js";

/** Changes latents `[n, h, w, c]` into coefficients of the same shape, in place. */
export type Forward = (latents: Float32Array) => void;

/** @param rotation `[count, dim, dim]` as the geometry has it, rows are the axes; null leaves the rotation out */
export function createForward(geometry: TransformGeometry, rotation: Float32Array | null): Forward {
  const { kind, shape, block, blocks, size } = geometry;
  const [rows, columns] = block;
  const { channels } = shape;
  const cells = rows * columns;
  const places = blockPlaces(geometry);
  const [down, across] = [cosines(rows), cosines(columns)];
  const { count, dim } = geometry.rotations;
  const total = latentSize(shape);
  const values = new Float64Array(size);
  const scratch = new Float64Array(size);

  return (latents) => {
    for (let sample = 0; sample < latents.length; sample += total) {
      for (let b = 0; b < blocks; b++) {
        for (let i = 0; i < size; i++) values[i] = latents[sample + places[b * size + i]!]!;
        if (kind !== "pca") {
          alongAxis(values, scratch, across, rows, columns, channels);
          alongAxis(scratch, values, down, 1, rows, columns * channels);
        }
        if (rotation) {
          for (let r = 0; r < count; r++) rotate(values, scratch, rotation, r, dim);
          values.set(scratch.subarray(0, kind === "pca" ? size : cells * channels));
        }
        for (let i = 0; i < size; i++) latents[sample + places[b * size + i]!] = values[i]!;
      }
    }
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

function rotate(from: Float64Array, to: Float64Array, rotation: Float32Array, index: number, dim: number): void {
  const base = index * dim;
  for (let k = 0; k < dim; k++) {
    const row = (base + k) * dim;
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += rotation[row + i]! * from[base + i]!;
    to[base + k] = sum;
  }
}

/** A source of coefficients. */
export function transformedSource(source: LatentSource, forward: Forward): LatentSource {
  return {
    shape: source.shape,
    count: source.count,
    async read(indices) {
      const latents = await source.read(indices);
      forward(latents);
      return latents;
    },
  };
}
