/** State of a k-means run from pass to pass: how it starts, resumes, is saved and ends. */
import { RevqError, createRandom, type Random } from "@revq/core";
import type { NearestLayout } from "../shape.js";
import { sharedFloat32 } from "../shared-memory.js";
import type { ClusterSums } from "./clusters.js";
import type { KMeansOptions, KMeansResult, KMeansState } from "./options.js";
import { reviveEmptyClusters } from "./revive.js";

export interface KMeansRun {
  iteration: number;
  /** `[groups, codes, dim]`, shared: workers read it in place. */
  codebooks: Float32Array;
  /** `[groups, codes]` */
  counts: Float64Array;
  readonly distortion: number[];
  readonly revived: number[];
  readonly random: Random;
  readonly groupNumbers: readonly number[] | undefined;
  /** The last pass lowered the distortion by no more than the tolerance. */
  converged: boolean;
}

/** A new run with codebooks of zeros, or the one of `options.start`. Throws `kmeans-start`. */
export function openRun(
  { groups, codes, dim }: NearestLayout,
  { start, seed = 0, groupNumbers }: KMeansOptions,
): KMeansRun {
  const codebooks = sharedFloat32(groups * codes * dim);
  const random = createRandom(seed);
  if (start) {
    if (start.codebooks.length !== codebooks.length || start.counts.length !== groups * codes) {
      throw new RevqError(
        "kmeans-start",
        `The state to start from holds ${start.codebooks.length} elements; ` +
          `[${groups}, ${codes}, ${dim}] needs ${codebooks.length}.`,
        { fix: "Resume with the options of the first start." },
      );
    }
    codebooks.set(start.codebooks);
    random.restore(start.random);
  }
  return {
    iteration: start?.iteration ?? 0,
    codebooks,
    counts: start ? start.counts.slice() : new Float64Array(groups * codes),
    distortion: [...(start?.distortion ?? [])],
    revived: [...(start?.revived ?? [])],
    random,
    groupNumbers,
    converged: false,
  };
}

/** A copy of the state. */
export function stateOf(run: KMeansRun): KMeansState {
  return {
    iteration: run.iteration,
    codebooks: new Float32Array(run.codebooks),
    counts: run.counts.slice(),
    distortion: [...run.distortion],
    revived: [...run.revived],
    random: run.random.state(),
  };
}

/** Records a complete pass. */
export function endPass(run: KMeansRun, pass: { distortion: number; revived: number }, options: KMeansOptions): void {
  const previous = run.distortion.at(-1);
  run.distortion.push(pass.distortion);
  run.revived.push(pass.revived);
  run.iteration++;
  // `<=`, so that tolerance 0 stops after a pass without any change.
  run.converged =
    previous !== undefined && pass.revived === 0 && previous - pass.distortion <= (options.tolerance ?? 0) * previous;
  options.onState?.(stateOf(run));
}

/**
 * The result of a run.
 *
 * @param measured hits `[groups, codes]` and mean squared error of the final codebooks, if measured
 */
export function endRun(run: KMeansRun, measured?: { counts: Float64Array; distortion: number }): KMeansResult {
  const state = stateOf(run);
  const counts = measured?.counts ?? run.counts.slice();
  let used = 0;
  for (const count of counts) if (count > 0) used++;
  return {
    codebooks: state.codebooks.slice(),
    counts,
    distortion: measured ? [...run.distortion, measured.distortion] : [...run.distortion],
    usage: used / counts.length,
    revived: state.revived,
    state,
  };
}

/** A view of a group's codebook, `[codes, dim]`. */
export function codebookOf(codebooks: Float32Array, { codes, dim }: NearestLayout, group: number): Float32Array {
  return codebooks.subarray(group * codes * dim, (group + 1) * codes * dim);
}

/** Splits clusters until none of the group is empty. Returns how many were empty. */
export function reviveGroup(
  run: KMeansRun,
  layout: NearestLayout,
  group: number,
  codebook: Float32Array,
  clusters: Pick<ClusterSums, "counts" | "distortions">,
): number {
  const random = run.random.fork(`pass ${run.iteration} group ${run.groupNumbers?.[group] ?? group}`);
  return reviveEmptyClusters(
    { codebook, dim: layout.dim, counts: clusters.counts, distortions: clusters.distortions },
    random,
  );
}
