/** Queries and codes for a benchmark of the search. */
import { RevqError, type Random } from "@revq/core";
import type { NearestShape } from "../shape.js";

export type BenchData = "gaussian" | "uniform" | "latents";

/**
 * Latents `[samples, groups, dim]` and codebooks `[groups, codes, dim]`. The kind `latents` takes
 * codes from the first half of the samples and queries from the second. If there are too few, it
 * adds copies with noise of a twentieth of a standard deviation.
 */
export function makeBenchData(
  kind: BenchData,
  { samples, groups, codes, dim }: NearestShape,
  random: Random,
  source: Float32Array | undefined,
  sourceSamples: number | undefined,
): { latents: Float32Array; codebooks: Float32Array } {
  const latents = new Float32Array(samples * groups * dim);
  const codebooks = new Float32Array(groups * codes * dim);
  if (kind !== "latents") {
    const draw = kind === "gaussian" ? random.normal : random.uniform;
    for (let i = 0; i < latents.length; i++) latents[i] = draw();
    for (let i = 0; i < codebooks.length; i++) codebooks[i] = draw();
    return { latents, codebooks };
  }
  if (!source || !sourceSamples || sourceSamples < 2 || source.length % sourceSamples !== 0) {
    throw new RevqError("bench-latents", "Benchmark data `latents` needs `latents` and `latentSamples` (at least 2).");
  }
  const width = source.length / sourceSamples;
  const half = sourceSamples >> 1;
  const column = (group: number): number => (group * dim) % (width - dim + 1);
  const fill = (to: Float32Array, at: number, row: number, group: number, copy: boolean): void => {
    for (let i = 0; i < dim; i++) {
      to[at + i] = source[row * width + column(group) + i]! + (copy ? 0.05 * random.normal() : 0);
    }
  };
  for (let group = 0; group < groups; group++) {
    const rows = random.permutation(half);
    for (let code = 0; code < codes; code++) {
      fill(codebooks, (group * codes + code) * dim, rows[code % half]!, group, code >= half);
    }
  }
  const rest = sourceSamples - half;
  for (let sample = 0; sample < samples; sample++) {
    for (let group = 0; group < groups; group++) {
      fill(latents, (sample * groups + group) * dim, half + (sample % rest), group, sample >= rest);
    }
  }
  return { latents, codebooks };
}
