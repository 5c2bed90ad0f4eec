import { createRandom, latentSize, quietContext, tokenOrder, type FitContext, type SavedFit } from "@revq/core";
import { describe, expect, it } from "vitest";
import { fitCodebooks } from "../src/fit-codebooks.js";
import { codebookSizes } from "../src/codebook-sizes.js";
import { createLayout } from "../src/layout.js";
import { sourceOf } from "./support.js";

const shape = { channels: 2, height: 4, width: 4 };
const random = createRandom(5);
const latents = sourceOf(
  shape,
  Float32Array.from({ length: 300 * latentSize(shape) }, () => random.normal()),
);
/** Groups 0 and 1 have three tokens, group 2 has two: two blocks, fitted one after the other. */
const layout = { ...createLayout(shape, 8, "channel", 3), order: tokenOrder(shape, 8, "channel") };
const sizes = codebookSizes(layout, [16, 16, 16]);
const settings = { iterations: 6, init: "sample", samplesPerCode: 1024 } as const;
const passesOfBoth = 12;

function context(extra: Partial<FitContext> = {}): FitContext {
  return { ...quietContext(createRandom(3)), ...extra };
}

/** Stops after so many passes; what had been saved by then, as it would come back from a file. */
async function stoppedAfter(passes: number): Promise<SavedFit> {
  const abort = new AbortController();
  let saved: SavedFit | undefined;
  let count = 0;
  const save = async (state: SavedFit): Promise<void> => {
    saved = { json: JSON.parse(JSON.stringify(state.json)), arrays: structuredClone(state.arrays) };
    if (++count === passes) abort.abort(new Error("stopped"));
  };
  const fit = fitCodebooks(
    latents,
    layout,
    sizes,
    settings,
    context({ signal: abort.signal, checkpoints: { saved: null, save } }),
  );
  await expect(fit).rejects.toThrow("stopped");
  return saved!;
}

describe("a fit that is stopped and resumed", () => {
  it("ends with the bits of one that was not, wherever it was stopped", async () => {
    const whole = await fitCodebooks(latents, layout, sizes, settings, context());
    for (const passes of [1, 5, 7, 10]) {
      const saved = await stoppedAfter(passes);
      const again = await fitCodebooks(
        latents,
        layout,
        sizes,
        settings,
        context({ checkpoints: { saved, save: async () => {} } }),
      );
      expect(again, `stopped after ${passes} saved passes of at most ${passesOfBoth}`).toEqual(whole);
    }
  });

  it("gives the same codebooks in whatever memory, and goes on with the blocks that it was begun with", async () => {
    const fit = (extra: Partial<FitContext>) => fitCodebooks(latents, layout, sizes, settings, context(extra));
    const whole = await fit({});
    for (const memory of [1, 40_000, 80_000]) {
      expect((await fit({ memory })).codebooks).toEqual(whole.codebooks);
    }
    const again = await fit({ memory: 1, checkpoints: { saved: await stoppedAfter(8), save: async () => {} } });
    expect(again).toEqual(whole);
  });

  it("knows when nothing moved any more before it was stopped", async () => {
    const few = sourceOf(shape, await latents.read([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    const many = { ...settings, iterations: 50 };
    let last: SavedFit | undefined;
    const save = async (state: SavedFit): Promise<void> => void (last = structuredClone(state));
    const whole = await fitCodebooks(
      few,
      layout,
      codebookSizes(layout, [2, 2, 2]),
      many,
      context({ checkpoints: { saved: null, save } }),
    );
    expect(whole.report.passes.length).toBeLessThan(many.iterations);
    const again = await fitCodebooks(
      few,
      layout,
      codebookSizes(layout, [2, 2, 2]),
      many,
      context({ checkpoints: { saved: last!, save } }),
    );
    expect(again).toEqual(whole);
  });
});
