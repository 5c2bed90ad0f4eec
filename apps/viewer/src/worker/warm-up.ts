/**
 * Decodes in quiet moments after the first result. A browser optimises WebAssembly after it has run for a while: without
 * this, the first edits of a visit would wait for slow code.
 */
import * as tf from "@tensorflow/tfjs-core";
import { decodeIds, type OpenSlot } from "./run.js";

/** Decodes until the code is fast, measured in Chromium. */
const runs = 4;

export interface WarmUp {
  /** What can be decoded now; null: nothing. */
  of(slot: OpenSlot | null): void;
  /** @returns whether more is to be done */
  step(): Promise<boolean>;
}

export function createWarmUp(): WarmUp {
  let slot: OpenSlot | null = null;
  let left = runs;
  return {
    of(given) {
      slot = given;
    },
    async step() {
      if (!slot || left === 0 || tf.getBackend() !== "wasm" || slot.description.noImages) return false;
      left--;
      const ids = new Int32Array(slot.tokenizer.layout.count);
      const request = { slot: "a", ids, stages: ["rectified"], score: false } as const;
      // What fails here fails, and is reported, where it is asked for.
      await decodeIds(slot, request, new AbortController().signal).catch(() => (left = 0));
      return left > 0;
    },
  };
}
