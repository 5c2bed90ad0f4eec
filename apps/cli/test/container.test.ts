/** The composition root: a plugin is swapped by what goes into the container, and nothing else in the program changes. */
import { definePlugin, quietContext, createRandom, RevqError, type Plugin, type Rectifier } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { resolveConfig, trainTokenizer } from "@revq/train";
import { writeNpy } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createContainer, services } from "../src/composition/container.js";
import { discoverPlugins } from "../src/composition/discover-plugins.js";

let folder: string;
let engine: Engine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-container-"));
  engine = await createEngine({ engine: "cpu" });
});

afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

/** Halves the quantized latent: easy to recognise in a result. */
const halving = definePlugin({
  kind: "rectifier",
  id: "efficientvit",
  title: "a stand-in under the id of another",
  options: z.strictObject({}),
  parameterCount: () => 0,
  create: async (): Promise<Rectifier> => ({
    rectify: (quantized) => tf.mul(quantized, 0.5),
    variables: [],
    state: () => ({}),
    restore: () => {},
    dispose: () => {},
  }),
});

describe("createContainer", () => {
  it("runs the whole program on a plugin that was put in place of another", async () => {
    const { plugins: found } = await discoverPlugins([], folder);
    const swapped = found.map(({ plugin, origin }) =>
      plugin.kind === "rectifier" && plugin.id === "efficientvit"
        ? { plugin: halving as Plugin, origin: "test" }
        : { plugin, origin },
    );
    const { plugins, openWeights } = services(createContainer(swapped));
    expect(plugins.get("rectifier", "efficientvit").title).toBe(halving.title);

    const random = createRandom(1);
    const latents = Float32Array.from({ length: 40 * 4 * 2 * 2 }, () => random.normal());
    const path = join(folder, "latents.npy");
    await writeFile(path, writeNpy({ shape: [40, 4, 2, 2], data: latents }));
    const values = { out: join(folder, "out"), data: { latents: path }, quantizer: { tokens: 8, codes: 4 } };
    const { report, signal } = quietContext(random);
    const result = await trainTokenizer(
      resolveConfig([{ name: "test", values }], plugins),
      { resume: false },
      {
        plugins,
        openWeights,
        sampleImages: { folder: "", photographOf: (name) => name },
        engine: engine.id,
        report,
        note: () => {},
        signal,
      },
    );
    expect(result.latentMse.rectified).not.toBe(result.latentMse.quantized);
    expect(JSON.parse(await readFile(join(folder, "out", "config.json"), "utf8"))).toMatchObject({
      rectifier: { id: "efficientvit", options: {} },
    });
  });

  it("refuses two plugins of one id, naming both", async () => {
    const { plugins: found } = await discoverPlugins([], folder);
    const twice = [...found, { plugin: halving as Plugin, origin: "./mine.js" }];
    expect(() => createContainer(twice)).toThrow(RevqError);
    expect(() => createContainer(twice)).toThrow(
      /@revq\/rectifier-efficientvit and \.\/mine\.js both bring a rectifier with the id "efficientvit"/,
    );
  });
});
