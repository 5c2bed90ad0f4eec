import type { Backbone, NamedTensors } from "@revq/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { adaptationCost, adaptationText, chooseAdapter } from "../src/decoder/choose.js";

/** With a decoder of two convolutions of `width` channels each. */
function backboneOf(width: number): Backbone {
  const shape = [width, width, 3, 3];
  const size = 9 * width ** 2;
  const state = { encoder: { shape: [9] }, first: { shape, size }, second: { shape, size } };
  return {
    spec: { name: "toy", downsample: 8, latentChannels: 4, decodes: true },
    gradients: { stages: [["first"], ["second"]], decode: () => ({}) },
    state: () => state as unknown as Readonly<Record<string, Tensor>> satisfies NamedTensors,
  } as unknown as Backbone;
}

describe("the choice of an adapter", () => {
  it("takes all of a decoder below 25 MB, and no larger one", () => {
    expect(chooseAdapter("auto", backboneOf(588), 8)).toMatchObject({ mode: "all", parameters: 2 * 9 * 588 ** 2 });
    expect(chooseAdapter("auto", backboneOf(590), 8)).toBeNull(); // 25.06 MB
    expect(chooseAdapter("all", backboneOf(590), 8)).toMatchObject({ mode: "all", rank: null });
    expect(chooseAdapter("last", backboneOf(590), 8)).toMatchObject({ mode: "last", parameters: 9 * 590 ** 2 });
    expect(chooseAdapter("lora", backboneOf(64), 4)).toMatchObject({ rank: 4, parameters: 2 * 4 * (64 + 576) });
    expect(chooseAdapter("none", backboneOf(64), 8)).toBeNull();
  });

  it("refuses a mode by name when there is nothing to adapt", () => {
    const { gradients: _, ...frozen } = backboneOf(64);
    expect(chooseAdapter("auto", frozen, 8)).toBeNull();
    expect(chooseAdapter("auto", null, 8)).toBeNull();
    expect(() => chooseAdapter("all", frozen, 8)).toThrow(/decoder of toy has no gradients/);
    expect(() => chooseAdapter("lora", null, 8)).toThrow(/there is no decoder/);
  });

  it("says what it costs", () => {
    const backbone = backboneOf(1000);
    const plan = chooseAdapter("lora", backbone, 8)!;
    const cost = adaptationCost(plan, backbone.gradients!, backbone);
    expect(cost).toEqual({ parameters: 160_000, ofParameters: 18e6, fileBytes: 640_000, trainingBytes: 2_560_000 });
    expect(adaptationText(plan, cost, { steps: 200, secondsPerStep: 3, peakBytes: 500e6 })).toBe(
      "Adapting low-rank changes of the decoder of rank 8: 0.16 of 18 million parameters. " +
        "200 steps take about 10 min and 503 MB of memory. The tokenizer grows by 0.6 MB.",
    );
    expect(adaptationText(plan, cost, { steps: 20, secondsPerStep: 0.5, peakBytes: 0 })).toContain(
      "about 10 s and 2.6 MB of memory",
    );
  });
});
