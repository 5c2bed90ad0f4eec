/**
 * How a latent is cut into T tokens of d = c*h*w / T numbers. A split is a fixed order of the latent's elements, so cutting
 * and joining are one gather each. arXiv 2507.10547, "channel multi-group quantization".
 *
 * - `channel`: channel-major (c, y, x) runs of d: a token lies inside one channel (the paper's).
 * - `spatial`: position-major (y, x, c) runs of d: a token is a part of the channel vector at one position.
 * - `block`: like `channel`, but a token is a patch of d cells, as square as d allows, instead of a strip.
 */
import { RevqError } from "./errors.js";
import { latentSize, latentShapeToArray, type LatentShape } from "./latent-shape.js";

export type TokenSplit = "channel" | "spatial" | "block";
export const tokenSplits = ["channel", "spatial", "block"] as const satisfies readonly TokenSplit[];

/** Numbers per token. Throws when T does not divide the latent. */
export function tokenDimension(shape: LatentShape, tokens: number): number {
  const size = latentSize(shape);
  if (!Number.isInteger(tokens) || tokens < 1 || size % tokens !== 0) {
    const near = divisors(size)
      .sort((a, b) => Math.abs(a - tokens) - Math.abs(b - tokens))
      .slice(0, 4);
    throw new RevqError(
      "tokens-do-not-divide",
      `${tokens} tokens do not divide the latent [${latentShapeToArray(shape)}] of ${size} numbers.`,
      { fix: `Use a divisor of ${size}, such as ${near.sort((a, b) => a - b).join(", ")}.`, exitCode: 1 },
    );
  }
  return size / tokens;
}

/** For every element of `[t, d]`, where it lies in `[h, w, c]`: a permutation of 0 .. c*h*w-1. */
export function tokenOrder(shape: LatentShape, tokens: number, split: TokenSplit): Int32Array {
  const { channels, height, width } = shape;
  const d = tokenDimension(shape, tokens);
  const place = (c: number, y: number, x: number): number => (y * width + x) * channels + c;
  const order = new Int32Array(latentSize(shape));
  let next = 0;
  if (split === "spatial") {
    for (let i = 0; i < order.length; i++) order[i] = i;
  } else {
    const [rows, columns] = split === "block" ? blockShape(shape, d) : [1, width];
    for (let c = 0; c < channels; c++)
      for (let top = 0; top < height; top += rows)
        for (let left = 0; left < width; left += columns)
          for (let y = top; y < top + rows; y++)
            for (let x = left; x < left + columns; x++) order[next++] = place(c, y, x);
  }
  return order;
}

/** The patch of d cells that is closest to a square and tiles the map, `[rows, columns]`. Throws `no-block-fits`. */
export function blockShape(shape: LatentShape, d: number): [number, number] {
  let best: [number, number] | undefined;
  for (const rows of divisors(d)) {
    const columns = d / rows;
    const tiles = shape.height % rows === 0 && shape.width % columns === 0;
    if (tiles && (!best || Math.abs(rows - columns) < Math.abs(best[0] - best[1]))) best = [rows, columns];
  }
  if (!best) {
    throw new RevqError("no-block-fits", `No block of ${d} cells tiles a map of ${shape.height} x ${shape.width}.`, {
      fix: "Use another number of tokens, or the split `channel`.",
    });
  }
  return best;
}

export function divisors(value: number): number[] {
  const found: number[] = [];
  for (let i = 1; i <= value; i++) if (value % i === 0) found.push(i);
  return found;
}
