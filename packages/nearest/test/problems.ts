/** Searches that hurt, for the property tests of every engine. */
import { createRandom } from "@revq/core";
import type { NearestShape } from "@revq/nearest";

export interface Problem {
  readonly shape: NearestShape;
  readonly latents: Float32Array;
  readonly codebooks: Float32Array;
}

/**
 * What values are drawn from: ties, powers far apart, float32's largest and smallest, signed zeros.
 */
export const families: Record<string, (random: ReturnType<typeof createRandom>) => number> = {
  gaussian: (random) => random.normal(),
  "small integers": (random) => random.integer(3),
  "one point": () => 0.1,
  "far apart": (random) => random.normal() * 10 ** (random.integer(60) - 30),
  huge: (random) => random.normal() * 1e38,
  denormal: (random) => random.normal() * 1e-44,
  "squares underflow": (random) => random.normal() * 1e-22,
  "off centre": (random) => 4096 + random.normal() * 1e-3,
  "signed zeros": (random) => [0, -0, 1, -1][random.integer(4)]!,
  "with an outlier": (random) => (random.integer(50) === 0 ? 1e20 : random.normal()),
};

export function makeProblem(
  family: string,
  samples: number,
  groups: number,
  codes: number,
  dim: number,
  tokens: number,
  seed: number,
): Problem {
  const random = createRandom(seed);
  const value = families[family]!;
  const draw = (length: number): Float32Array =>
    Float32Array.from({ length }, () => {
      const x = Math.fround(value(random));
      return Number.isFinite(x) ? x : 3.4e38;
    });
  const codebooks = draw(groups * codes * dim);
  for (let code = 3; code < groups * codes; code += 3)
    if (random.integer(4) === 0) codebooks.copyWithin(code * dim, 0, dim);
  return { shape: { samples, groups, codes, dim, tokens }, latents: draw(samples * tokens * dim), codebooks };
}
