/** The state of a stopped fit: the codebooks of finished blocks, and the k-means state of the running one. */
import type { FitCheckpoints, NamedArray } from "@revq/core";
import type { KMeansState } from "@revq/nearest";

/** The report of a block of groups: entry i belongs to its codebooks after i updates. */
export interface FinishedBlock {
  readonly errors: readonly number[];
  readonly usages: readonly number[];
}

interface SavedJson {
  /** Largest block, in elements, with which the fit was begun. */
  readonly blockSize: number;
  readonly finished: readonly FinishedBlock[];
  /** Of the block after the finished ones. */
  readonly running: Omit<KMeansState, "codebooks" | "counts"> & { readonly usages: readonly number[] };
}

export interface FitState {
  /** `[codes of all groups, d]`, filled for finished blocks. */
  readonly codebooks: Float32Array;
  readonly finished: readonly FinishedBlock[];
  /** The largest block, in elements. A resumed fit keeps the blocks with which it was begun. */
  readonly blockSize: number;
  /** Where block `index` continues, and the usages of its finished passes. */
  begun(index: number, iterations: number): { readonly start: KMeansState | undefined; readonly usages: number[] };
  /**
   * Queues the state to be written in the background. If writing is slower than a pass, intermediate states are skipped.
   */
  keep(state: KMeansState, usages: readonly number[]): void;
  /** Waits until the last kept state is written. */
  flush(): Promise<void>;
  finish(block: FinishedBlock): Promise<void>;
}

/** @param size elements of all codebooks. @param wanted the largest block, when nothing was begun */
export function openFitState(checkpoints: FitCheckpoints | undefined, size: number, wanted: number): FitState {
  const saved = checkpoints?.saved ?? null;
  const json = saved?.json as SavedJson | undefined;
  const blockSize = json?.blockSize ?? wanted;
  const codebooks = new Float32Array(size);
  codebooks.set((saved?.arrays["codebooks"]?.data as Float32Array | undefined) ?? []);
  const finished: FinishedBlock[] = [...(json?.finished ?? [])];
  const resumedAt = finished.length;
  let waiting: (() => Promise<void>) | undefined;
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting) {
      const write = waiting;
      waiting = undefined;
      await write();
    }
  }
  const flush = async (): Promise<void> => {
    while (writing) await writing;
  };

  return {
    codebooks,
    finished,
    blockSize,
    begun(index, iterations) {
      if (!json || index !== resumedAt) return { start: undefined, usages: [] };
      const { usages, ...running } = json.running;
      const array = (name: string): NamedArray["data"] => saved!.arrays[name]!.data;
      const start: KMeansState = {
        ...running,
        iteration: hasConverged(running) ? iterations : running.iteration,
        codebooks: array("running.codebooks") as Float32Array,
        counts: Float64Array.from(array("running.counts")),
      };
      return { start, usages: [...usages] };
    },
    keep({ codebooks: ofBlock, counts, ...running }, usages) {
      if (!checkpoints) return;
      const state: SavedJson = { blockSize, finished: [...finished], running: { ...running, usages: [...usages] } };
      const arrays = {
        codebooks: { shape: [codebooks.length], data: codebooks },
        "running.codebooks": { shape: [ofBlock.length], data: ofBlock },
        "running.counts": { shape: [counts.length], data: Int32Array.from(counts) }, // hits: whole numbers
      };
      waiting = () => checkpoints.save({ json: state, arrays });
      writing ??= drain().finally(() => (writing = undefined));
    },
    flush,
    async finish(block) {
      await flush();
      finished.push(block);
    },
  };
}

/** k-means ended before its last pass because no code moved. Going on would only measure the same again. */
function hasConverged({ distortion, revived }: Pick<KMeansState, "distortion" | "revived">): boolean {
  return distortion.length > 1 && revived.at(-1) === 0 && distortion.at(-2)! - distortion.at(-1)! <= 0;
}
