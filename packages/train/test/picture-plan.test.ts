/** Which runs train on pictures, and which settings are refused before anything is encoded. */
import type { Backbone } from "@revq/core";
import { describe, expect, it } from "vitest";
import { chooseAdapter } from "../src/decoder/choose.js";
import { baseDefaults, type RunConfig } from "../src/config/schema.js";
import type { PicturePhase } from "../src/pictures/phase.js";
import { planSteps } from "../src/pictures/plan-steps.js";
import { planPictures, stepsSoFar } from "../src/pictures/index.js";
import { selectionFor } from "../src/pictures/select.js";
import { pictureBudget, reasonAgainst, stepsThatFit } from "../src/pictures/steps.js";
import { epochsOf } from "../src/recipes/epochs.js";

const spec = { name: "toy", downsample: 8, latentChannels: 4, decodes: true };
const shape = [4, 4, 3, 3];
const decoding = {
  spec,
  state: () => ({ weight: { shape, size: 144 } }),
  gradients: { stages: [["weight"]], decode: () => ({}) },
} as unknown as Backbone;
const frozen = { spec, state: () => ({}) } as unknown as Backbone;

interface Settings {
  readonly recipe?: RunConfig["recipe"];
  readonly train?: Partial<RunConfig["train"]>;
  readonly lpips?: string | null;
  readonly imageSize?: number;
}

function plan(
  { recipe = "kmeans", train, lpips = null, imageSize = 256 }: Settings,
  backbone: Backbone | null,
  engine = "onnx",
) {
  const config = structuredClone(baseDefaults) as unknown as RunConfig;
  return planPictures(
    {
      recipe,
      train: { ...config.train, ...train },
      score: { ...config.score, lpips },
      data: { ...config.data, imageSize },
    },
    backbone,
    { engine, rectifier: true },
  );
}

function withWeights(weights: Partial<RunConfig["train"]["picture"]["weights"]>): RunConfig["train"]["picture"] {
  return { ...baseDefaults.train.picture, weights: { latent: 0, lpips: 0, features: 0, pixels: 0, ...weights } };
}

describe("the plan of the picture stage", () => {
  it("is on by default where the decoder has gradients and the engine is fast", () => {
    expect(plan({}, decoding)).toMatchObject({ steps: { pictures: "auto", decoder: "auto" } });
    expect(plan({}, decoding, "cpu")).toBeNull();
    expect(plan({ train: { pictureSteps: 3 } }, decoding, "cpu")).toMatchObject({ steps: { pictures: 3, decoder: 3 } });
    expect(plan({}, frozen)).toBeNull();
    expect(plan({}, null)).toBeNull();
    expect(plan({ train: { pictureSteps: 0 } }, decoding)).toBeNull();
    expect(plan({ recipe: "paper" }, decoding)).toBeNull();
  });

  it("adapts the decoder of a backbone that is still to be fitted by name only", () => {
    const open = {
      ...decoding,
      fit: { fitted: false, run: () => Promise.resolve() },
      state: () => {
        throw new Error("not fitted");
      },
    };
    const steps = { pictures: "auto", decoder: "auto" };
    expect(plan({}, open)).toEqual({ steps, adaptDecoder: "none" });
    expect(plan({ train: { adaptDecoder: "all" } }, open)).toEqual({ steps, adaptDecoder: "all" });
    expect(plan({}, decoding)).toEqual({ steps, adaptDecoder: "auto" });
    // The decoder has no loss but that of its pictures.
    expect(plan({ train: { picture: withWeights({ latent: 1 }) } }, decoding)).toMatchObject({ adaptDecoder: "none" });
  });

  it("has numbers of steps for rectifier and decoder; an open one of the decoder follows the other", () => {
    const steps = (train: Partial<RunConfig["train"]>) => plan({ train }, decoding)!.steps;
    expect(steps({ pictureSteps: 7 })).toEqual({ pictures: 7, decoder: 7 });
    expect(steps({ pictureSteps: 7, decoderSteps: 3 })).toEqual({ pictures: 7, decoder: 3 });
    expect(steps({ decoderSteps: 3 })).toEqual({ pictures: "auto", decoder: 3 });
    expect(steps({ pictureSteps: 0, decoderSteps: 3 })).toEqual({ pictures: 0, decoder: 3 });
    expect(steps({ decoderSteps: 3, adaptDecoder: "none" })).toEqual({ pictures: "auto", decoder: 0 });
    expect(plan({ train: { pictureSteps: 7, decoderSteps: 0 } }, decoding)).toMatchObject({ adaptDecoder: "none" });
  });

  it("selects by a named score although there are no steps", () => {
    expect(plan({ train: { pictureSteps: 0, select: "psnr" } }, frozen)).toEqual({
      steps: { pictures: 0, decoder: 0 },
      adaptDecoder: "none",
    });
    expect(plan({ train: { pictureSteps: 0, select: "latent" } }, frozen)).toBeNull();
  });

  it.each([
    ["pictures-need-decoder", { train: { pictureSteps: 5 } }, frozen],
    ["pictures-need-decoder", { train: { pictureSteps: 5 } }, null],
    ["pictures-not-in-paper", { recipe: "paper", train: { pictureSteps: 5 } }, decoding],
    ["pictures-not-in-paper", { recipe: "paper", train: { adaptDecoder: "all" } }, decoding],
    ["pictures-need-decoder", { train: { decoderSteps: 5 } }, frozen],
    ["pictures-not-in-paper", { recipe: "paper", train: { decoderSteps: 5 } }, decoding],
    ["decoder-without-steps", { train: { pictureSteps: 0, adaptDecoder: "all" } }, decoding],
    ["decoder-without-steps", { train: { decoderSteps: 0, adaptDecoder: "all" } }, decoding],
    ["decoder-frozen", { train: { adaptDecoder: "last" } }, frozen],
    ["pictures-without-loss", { train: { picture: withWeights({ lpips: 1 }) } }, decoding],
    ["pictures-without-loss", { train: { adaptDecoder: "all", picture: withWeights({ latent: 1 }) } }, decoding],
    ["select-not-measured", { train: { select: "lpips" } }, decoding],
    ["select-not-measured", { train: { select: "lpips" }, lpips: "weights", imageSize: 16 }, decoding],
    ["select-not-measured", { train: { select: "psnr" } }, null],
  ] as const)("refuses %s", (code, settings, backbone) => {
    expect(() => plan(settings, backbone)).toThrow(expect.objectContaining({ code }));
  });

  it("takes as many steps as fit, and none when they are too few to help", () => {
    expect(stepsThatFit(100, 1)).toBe(100);
    expect(stepsThatFit(100, 3)).toBe(0);
    expect(stepsThatFit(100, 3, 50)).toBe(50);
    expect(reasonAgainst({ decoder: true, rectifier: true, fast: true })).toBeNull();
    expect(reasonAgainst({ decoder: true, rectifier: false, fast: true })).toContain("no weights");
  });

  it("gives short runs more time than they had, and long ones as much", () => {
    expect(pictureBudget(40)).toBe(120);
    expect(pictureBudget(200)).toBe(360);
    expect(pictureBudget(3600)).toBe(3600);
  });

  it.each([
    [
      "all to the decoder's phase",
      200,
      { steps: { pictures: "auto", decoder: "auto" } },
      { pictures: 0, decoder: 100 },
    ],
    [
      "to the rectifier alone where both do not fit",
      70,
      { steps: { pictures: "auto", decoder: "auto" } },
      { pictures: 70, decoder: 0 },
    ],
    [
      "least to a decoder that was named",
      10,
      { steps: { pictures: "auto", decoder: "auto" }, named: true },
      { pictures: 0, decoder: 50 },
    ],
    [
      "to the rectifier beside named steps",
      70,
      { steps: { pictures: "auto", decoder: 9 } },
      { pictures: 70, decoder: 9 },
    ],
    [
      "to the decoder beside named steps",
      200,
      { steps: { pictures: 0, decoder: "auto" } },
      { pictures: 0, decoder: 100 },
    ],
  ] as const)("gives time %s", async (_title, budget, { steps, ...rest }, expected) => {
    const seconds = { pictures: 1, decoder: 2 };
    const planned = await planSteps(
      {
        steps,
        budget,
        adapter: chooseAdapter("all", decoding, 8),
        backbone: decoding,
        settings: { adaptDecoder: "named" in rest ? "all" : "auto" },
        note: () => {},
      },
      ["pictures", "decoder"],
      (name) => ({ time: () => Promise.resolve(seconds[name]), dispose: () => {} }) as unknown as PicturePhase,
    );
    expect(planned).toEqual(expected);
  });

  it("has fewer epochs on latents where steps on pictures follow", () => {
    const { train } = baseDefaults as unknown as RunConfig;
    const open = { ...train, epochs: "auto" as const };
    const pictures = { steps: { pictures: "auto", decoder: 0 } } as const;
    expect(epochsOf({ recipe: "kmeans", train: open }, pictures)).toBe(2);
    expect(epochsOf({ recipe: "kmeans", train: open }, { steps: { pictures: 0, decoder: 0 } })).toBe(6);
    expect(epochsOf({ recipe: "kmeans", train: open }, null)).toBe(6);
    expect(epochsOf({ recipe: "paper", train: open }, null)).toBe(100);
    expect(epochsOf({ recipe: "kmeans", train: { ...train, epochs: 3 } }, pictures)).toBe(3);
  });

  it("selects by the best score that is measured", () => {
    expect(selectionFor("auto", { pictures: true, lpips: true })).toBe("lpips");
    expect(selectionFor("auto", { pictures: true, lpips: false })).toBe("psnr");
    expect(selectionFor("auto", { pictures: false, lpips: false })).toBe("latent");
  });

  it("counts the steps of all phases, so that later checkpoints have higher numbers", () => {
    const stands = { records: [], kept: "identity", seconds: 0 } as const;
    const both = { pictures: 12, decoder: 8 };
    expect(stepsSoFar({ ...stands, phase: 0, step: 5, steps: both })).toBe(5);
    expect(stepsSoFar({ ...stands, phase: 1, step: 5, steps: both })).toBe(17);
    expect(stepsSoFar({ ...stands, phase: 2, step: 0, steps: both })).toBe(20);
    expect(stepsSoFar({ ...stands, phase: 1, step: 0, steps: { decoder: 8 } })).toBe(8);
    expect(stepsSoFar({ ...stands, phase: 0, step: 0, steps: {} })).toBe(0);
  });
});
