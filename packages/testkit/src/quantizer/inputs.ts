/**
 * What a quantizer case is run on: latents as they are, and coefficients of a decorrelating
 * transform.
 */
import { createRandom, latentSize, type LatentShape, type LatentSource, type TransformLayout } from "@revq/core";
import { latentSource, randomLatents } from "../samples.js";

export interface QuantizerInput {
  readonly name: string;
  readonly decorrelated: boolean;
  /** The transform's blocks for T tokens. */
  readonly layout: (tokens: number) => TransformLayout;
  /** `count` seeded samples, `[count, h, w, c]` flat. */
  readonly values: (tokens: number, count: number, seed: number) => Float32Array;
  readonly source: (tokens: number, count: number) => LatentSource;
}

export function quantizerInputs(shape: LatentShape): readonly QuantizerInput[] {
  const { height, width } = shape;
  const whole = { block: [height, width], blocks: 1, decorrelated: false } as const;
  return [
    {
      name: "latents",
      decorrelated: false,
      layout: () => whole,
      values: (_, count, seed) => randomLatents(shape, count, seed),
      source: (_, count) => latentSource(shape, randomLatents(shape, count, 1)),
    },
    {
      name: "coefficients of unequal variances",
      decorrelated: true,
      layout: (tokens) => blocksFor(shape, tokens),
      values: (tokens, count, seed) => randomCoefficients(shape, blocksFor(shape, tokens), count, seed),
      source: (tokens, count) => {
        const layout = blocksFor(shape, tokens);
        const variances = coefficientVariances(latentSize(shape) / layout.blocks);
        return { ...latentSource(shape, randomCoefficients(shape, layout, count, 1)), variances };
      },
    },
  ];
}

/**
 * The blocks of two or more positions that are nearest to a square, then the smallest ones; their
 * number divides T.
 */
function blocksFor({ height, width }: LatentShape, tokens: number): TransformLayout {
  let best: readonly [number, number] = [height, width];
  for (let rows = 1; rows <= height; rows++) {
    for (let columns = 1; columns <= width; columns++) {
      const fits = height % rows === 0 && width % columns === 0 && rows * columns > 1;
      const [skew, bestSkew] = [Math.abs(rows - columns), Math.abs(best[0] - best[1])];
      const better = skew < bestSkew || (skew === bestSkew && rows * columns < best[0] * best[1]);
      if (fits && better && tokens % ((height * width) / (rows * columns)) === 0) best = [rows, columns];
    }
  }
  return { block: best, blocks: (height * width) / (best[0] * best[1]), decorrelated: true };
}

/** From 4 down to 0.04 in a fixed random order. */
function coefficientVariances(size: number): Float64Array {
  const order = createRandom(5).permutation(size);
  return Float64Array.from(order, (rank) => 4 * 100 ** (-rank / Math.max(1, size - 1)));
}

/** Independent normal values, every one with the variance of its coefficient. */
function randomCoefficients(
  shape: LatentShape,
  { block: [rows, columns], blocks }: TransformLayout,
  count: number,
  seed: number,
): Float32Array {
  const { channels, height, width } = shape;
  const random = createRandom(seed);
  const variances = coefficientVariances(latentSize(shape) / blocks);
  const values = new Float32Array(count * latentSize(shape));
  let next = 0;
  for (let n = 0; n < count; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) {
          const coefficient = ((y % rows) * columns + (x % columns)) * channels + c;
          values[next++] = Math.sqrt(variances[coefficient]!) * random.normal();
        }
  return values;
}
