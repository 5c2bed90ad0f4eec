/** Candidate plans, and the choice among them against errors in closed form. */
import "@tensorflow/tfjs-backend-cpu";
import {
  createRandom,
  definePlugin,
  PluginRegistry,
  quietContext,
  sharedTokenLayout,
  type Backbone,
  type LatentShape,
} from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { measureLatents } from "@revq/tokenizer";
import { dctKlt, none, pca } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { resolveConfig } from "../src/config/resolve.js";
import {
  candidateNames,
  choosePlan,
  planCandidates,
  planLines,
  requireEnoughVectors,
  type ChosenPlan,
  type PlanInput,
} from "../src/plan/index.js";
import { RunFolder } from "../src/run/run-folder.js";

const shape: LatentShape = { channels: 3, height: 4, width: 4 };
const size = 3 * 4 * 4;

/** Codes of the channel that the decoder shows and of the two that it does not. */
const levels = { picture: [512, 16], latent: [16, 512] } as const;

/** Rounds latents in [-4, 4] to a grid a channel. It has one candidate for the picture, one for the latent. */
const grid = definePlugin({
  kind: "quantizer",
  id: "grid",
  title: "a grid a channel",
  options: z.strictObject({ good: z.enum(["latent", "picture"]).optional().describe("what it is good for") }),
  resolve: async ({ good }) =>
    (good ? [good] : (["latent", "picture"] as const)).map((each) => ({ options: { good: each }, reasons: [] })),
  layout: () => ({ layout: sharedTokenLayout(size, 512), parameterCount: 0 }),
  async create({ good }) {
    const [shown, hidden] = levels[good!];
    const step = tf.tensor1d([8 / shown, 8 / hidden, 8 / hidden]);
    return {
      layout: sharedTokenLayout(size, 512),
      fit: async () => ({ passes: [] }),
      quantize: async (x) =>
        tf.tidy(() => tf.cast<tf.Tensor2D>(tf.reshape(tf.floor(tf.div(x, step)), [-1, size]), "int32")),
      dequantize: (ids) => tf.tidy(() => tf.mul(tf.add(tf.reshape(ids, [-1, 4, 4, 3]), 0.5), step)),
      state: () => ({}),
      restore: () => {},
      dispose: () => step.dispose(),
    };
  },
});

const plugins = new PluginRegistry();
for (const plugin of [grid, multigroup, none, pca, dctKlt, efficientvit]) plugins.register(plugin, "test");

const uniform = (seed: number, count: number) => {
  const random = createRandom(seed);
  return inMemoryLatents(
    shape,
    Float32Array.from({ length: count * size }, () => 2 * random.uniform() - 1),
  );
};

/** Shows the first channel as grey. */
const backbone = {
  spec: { name: "toy", downsample: 1, latentChannels: 3, decodes: true },
  decode: async (latents: Tensor4D) =>
    tf.tidy(() => tf.tile(tf.slice(latents, [0, 0, 0, 0], [-1, -1, -1, 1]), [1, 1, 1, 3])),
} as unknown as Backbone;

let folder: RunFolder;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  folder = await RunFolder.open(await mkdtemp(join(tmpdir(), "revq-choice-")), { resume: false, note: () => {} });
});
afterEach(async () => {
  await folder.close();
  await rm(folder.root, { recursive: true });
});

function planInput(values: Record<string, unknown>, latentShape = shape, samples = 40): PlanInput {
  const settings = { transform: { id: "none" }, ...values };
  const { config } = resolveConfig(
    [{ name: "test", values: { backbone: { id: "toy" }, ...settings } }],
    withBackbone(),
  );
  return { config, latentShape, samples, plugins, context: quietContext(createRandom(0)) };
}

/** The settings name a backbone. */
function withBackbone(): PluginRegistry {
  const toy = definePlugin({
    kind: "backbone",
    id: "toy",
    title: "toy",
    options: z.strictObject({}),
    weights: "optional",
    create: async () => backbone,
  });
  const registry = new PluginRegistry().register(toy, "test");
  for (const plugin of [grid, multigroup, none, pca, dctKlt, efficientvit]) registry.register(plugin, "test");
  return registry;
}

describe("candidates", () => {
  const large: LatentShape = { channels: 4, height: 16, width: 16 };
  const multi = (quantizer: object, transform: string) =>
    planInput({ quantizer: { id: "multigroup", ...quantizer }, transform: { id: transform } }, large, 2000);

  it("are the marked transforms and none, with the quantizer's layouts, all of as many tokens and codes", async () => {
    const plans = await planCandidates(multi({}, "auto"));
    expect(candidateNames(plans)).toMatchInlineSnapshot(`
      [
        "dct-klt (split eigenvalue, groups 1)",
        "dct-klt (split eigenvalue, groups 4)",
        "none (split block, groups channel)",
        "none (split spatial, groups channel)",
      ]
    `);
    expect(
      new Set(plans.map(({ summary }) => `${summary.tokens} ${summary.codes[0]} ${summary.bitsPerImage}`)).size,
    ).toBe(1);
    expect(planLines(plans)).toMatchInlineSnapshot(`
      [
        "128 tokens of 8 elements with 1024 codes each: 1280 bits per image.",
        "The run will measure 4 candidates: dct-klt (split eigenvalue, groups 1); dct-klt (split eigenvalue, groups 4); none (split block, groups channel); none (split spatial, groups channel).",
      ]
    `);
  });

  it("are one where nothing is open", async () => {
    const [plan, ...others] = await planCandidates(multi({ split: "block", groups: "channel" }, "none"));
    expect(others).toEqual([]);
    expect(planLines([plan!])).toEqual([...plan!.reasons, ...plan!.warnings]);
    expect(await planCandidates(multi({ groups: 2 }, "pca"))).toHaveLength(1);
  });

  it("are refused with more codes than vectors, unless the quantizer does not learn codes one by one", async () => {
    const bold = definePlugin({
      kind: "quantizer",
      id: "bold",
      title: "many parameters, no codes",
      options: z.strictObject({ learnsCodes: z.boolean().optional() }),
      layout: ({ learnsCodes }) => ({
        layout: sharedTokenLayout(2, 512),
        parameterCount: 10_000,
        ...(learnsCodes === undefined ? {} : { learnsCodes }),
      }),
      async create(): Promise<never> {
        throw new Error("not made");
      },
    });
    const input = planInput({}, shape, 40);
    const registry = withBackbone().register(bold, "test");
    const planOf = (options: object) =>
      planCandidates({
        ...input,
        plugins: registry,
        config: { ...input.config, quantizer: { id: "bold", ...options } },
      });
    const named = new Set(["quantizer.codes"]);
    const [learned, fixed] = [await planOf({}), await planOf({ learnsCodes: false })];
    expect(() => requireEnoughVectors(learned, named)).toThrow(/80 vectors to learn them from/);
    expect(learned[0]!.warnings).toHaveLength(1);
    requireEnoughVectors(fixed, named);
    expect(fixed[0]!.warnings).toEqual([]);
  });

  it("leave out a transform whose blocks do not fit, unless it is asked for by name", async () => {
    const wide: LatentShape = { channels: 1, height: 64, width: 64 };
    const given = (transform: string) => ({
      ...multi({ tokens: 1, codes: 4, groups: 1 }, transform),
      latentShape: wide,
    });
    expect((await planCandidates(given("auto"))).map(({ transform }) => transform.id)).toEqual(["none"]);
    await expect(planCandidates(given("dct-klt"))).rejects.toMatchObject({ code: "no-transform-fits" });
  });
});

describe("a choice", () => {
  const notes: string[] = [];
  async function choose(select: string, decoder: Backbone | null = backbone): Promise<ChosenPlan> {
    const input = planInput({ quantizer: { id: "grid" }, train: { select } });
    const latents = { train: uniform(1, 40), val: uniform(2, 30) };
    const statistics = await measureLatents(latents.train);
    return choosePlan(
      {
        candidates: await planCandidates(input),
        planInput: input,
        inputs: { backbone: decoder },
        latents,
        basis: { statistics, metric: () => ({ id: "standardized" }) },
        pictures: null,
        identity: { select },
        folder,
        context: quietContext(createRandom(0)),
      },
      {
        note: (line) => notes.push(line),
        openWeights: () => Promise.reject(new Error("no weights")),
      },
    );
  }
  beforeEach(() => void notes.splice(0));

  it("takes the better picture, or the better latent where that is asked for", async () => {
    const byPicture = await choose("auto");
    expect(byPicture.plan.quantizer.options).toEqual({ good: "picture" });
    expect((await choose("latent")).plan.quantizer.options).toEqual({ good: "latent" });
    expect(notes).toContainEqual(expect.stringMatching(/good picture\) .*PSNR \d+\.\d\d dB {2}\(chosen\)$/));
  });

  it("measures rounding errors: step^2 / 12 of standardized latents, as PSNR of pictures in [0, 1]", async () => {
    const { choice } = await choose("psnr");
    const variance = 1 / 3; // of uniform latents in [-1, 1]
    for (const [index, [shown, hidden]] of [levels.latent, levels.picture].entries()) {
      const errors = [shown, hidden, hidden].map((count) => (8 / count) ** 2 / 12);
      const { latent, psnr, lpips } = choice!.candidates[index]!;
      expect(latent / (errors.reduce((sum, each) => sum + each) / 3)).toBeCloseTo(1, 1);
      expect(psnr).toBeCloseTo(-10 * Math.log10((errors[0]! * variance) / 4), 0);
      expect(lpips).toBeNull();
    }
  });

  it("falls back to the latent error without a decoder", async () => {
    const { choice, plan } = await choose("auto", null);
    expect(choice).toMatchObject({ select: "latent", fittedOn: 40, scoredOn: 30 });
    expect(choice!.candidates.map(({ psnr, lpips }) => [psnr, lpips])).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(plan.quantizer.options).toEqual({ good: "latent" });
    await expect(choose("psnr", null)).rejects.toMatchObject({ code: "select-not-measured" });
  });

  it("is made once: a second start reads it, another run chooses anew", async () => {
    const first = await choose("auto");
    const saved = await readFile(folder.path("run/choices.json"), "utf8");
    const broken = { ...backbone, decode: () => Promise.reject(new Error("decoded again")) } as Backbone;
    expect(await choose("auto", broken)).toEqual(first);
    expect(notes).toContain("An earlier start of the run chose none (good picture).");
    await expect(choose("psnr", broken)).rejects.toThrow("decoded again");
    await rm(folder.path("run/choices.json"));
    expect(await choose("auto")).toEqual(first);
    expect(await readFile(folder.path("run/choices.json"), "utf8")).toBe(saved);
  });

  it("leaves no tensor behind", async () => {
    await choose("auto");
    await rm(folder.path("run/choices.json"));
    const before = tf.memory().numTensors;
    await choose("auto");
    expect(tf.memory().numTensors).toBe(before);
  });
});
