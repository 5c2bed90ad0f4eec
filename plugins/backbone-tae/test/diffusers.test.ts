/**
 * The networks under diffusers' names, out of a repository of the hub, beside what diffusers' own
 * AutoencoderTiny gives.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tae } from "@revq/backbone-tae";
import { parseOptions, type Backbone, type WeightsSource } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, writeSafetensors } from "@revq/formats";
import { openWeights } from "@revq/formats/node";
import { startHub, type HubServer } from "../../../packages/formats/test/hub-server.js";
import { seededImage, seededWeights } from "../../../packages/metrics/test/seeded.js";

interface Golden {
  readonly config: Record<string, unknown>;
  /** Name -> shape, in the order of the state dict. */
  readonly shapes: Record<string, number[]>;
  readonly latents: number[];
  readonly decodedEvery: number;
  readonly decoded: number[];
}

/** Made by diffusers: tools/golden/tae-diffusers.py. */
const golden = JSON.parse(readFileSync(new URL("fixtures/diffusers.json", import.meta.url), "utf8")) as Record<
  "taesd" | "taesd3",
  Golden
>;

let engine: Engine;
const home = mkdtempSync(join(tmpdir(), "revq-tae-"));
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => {
  engine.dispose();
  rmSync(home, { recursive: true });
});

let hub: HubServer | undefined;
afterEach(() => hub?.close());

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function weightsOf({ shapes }: Golden): { name: string; shape: number[]; data: Float32Array }[] {
  return Object.entries(shapes).map(([name, shape], i) => ({
    name,
    shape,
    data: seededWeights(shape, i).map((value) => value * 0.8),
  }));
}

function filesOf(of: Golden): Record<string, Uint8Array> {
  return {
    "README.md": text("a model"),
    "config.json": text(of.config),
    "diffusion_pytorch_model.safetensors": writeSafetensors(weightsOf(of)),
  };
}

/** A folder in memory. */
function folder(spec: string, files: Readonly<Record<string, Uint8Array>>): WeightsSource {
  return { spec, list: async () => Object.keys(files), open: async (name) => fromBuffer(name, files[name]!) };
}

const create = (weights: WeightsSource, options: Record<string, unknown> = {}): Promise<Backbone> =>
  tae.create(parseOptions(tae, options), { imageSize: 256, weights });

/** Largest difference, relative to the largest magnitude expected. */
function relativeError(actual: Float32Array, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0) / largest;
}

async function expectGolden(backbone: Backbone, { latents, decoded, decodedEvery }: Golden): Promise<void> {
  const images = tf.tensor4d(seededImage(24, 16, 1), [1, 24, 16, 3]);
  const encoded = await backbone.encode(images);
  const again = await backbone.decode(encoded);
  expect(relativeError((await encoded.data()) as Float32Array, latents)).toBeLessThan(1e-4);
  const some = ((await again.data()) as Float32Array).filter((_, i) => i % decodedEvery === 0);
  expect(relativeError(some, decoded)).toBeLessThan(1e-4);
  tf.dispose([images, encoded, again]);
}

describe("tae in diffusers' naming", () => {
  it.each([
    ["madebyollin/taesd", "taesd", golden.taesd],
    ["madebyollin/taesdxl", "taesdxl", golden.taesd],
    ["madebyollin/taesd3", "taesd3", golden.taesd3],
    ["madebyollin/taef1", "taef1", golden.taesd3],
    ["someone/an-autoencoder", "taesd3", golden.taesd3],
  ])("hf:%s is %s and gives what diffusers gives", async (repository, variant, expected) => {
    hub = await startHub(repository, filesOf(expected));
    const before = tf.memory().numTensors;
    const environment = { HF_HOME: home, HF_ENDPOINT: hub.endpoint };
    const weights = await openWeights(`hf:${repository}`, { environment });
    const backbone = await create(weights);
    expect(backbone.spec).toMatchObject({ name: variant, downsample: 8, decodes: true });
    expect(await tae.resolve!({}, { imageSize: 256, weights })).toEqual({ variant });
    await expectGolden(backbone, expected);
    backbone.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(["model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "my-taesd3.ckpt"])(
    "opens %s beside config.json",
    async (name) => {
      const { "diffusion_pytorch_model.safetensors": weights, ...others } = filesOf(golden.taesd3);
      const backbone = await create(folder("a folder", { ...others, [name]: weights! }));
      await expectGolden(backbone, golden.taesd3);
      backbone.dispose();
    },
  );

  it("has the same state as the authors' files of the same values, which are preferred", async () => {
    const files = filesOf(golden.taesd);
    const halves = (["encoder", "decoder"] as const).map((half) => {
      const tensors = weightsOf(golden.taesd)
        .filter(({ name }) => name.startsWith(`${half}.layers.`))
        .map(({ name, shape, data }) => {
          const [, , position, ...rest] = name.split(".");
          return { name: [Number(position) + (half === "decoder" ? 1 : 0), ...rest].join("."), shape, data };
        });
      return [`taesd_${half}.safetensors`, writeSafetensors(tensors)] as const;
    });
    const authors = await create(folder("authors", Object.fromEntries(halves)));
    await expectGolden(authors, golden.taesd);
    const both = await create(
      folder("both", { ...Object.fromEntries(halves), ...files, "config.json": text("unread") }),
    );
    const diffusers = await create(folder("diffusers", files));
    for (const other of [both, diffusers]) {
      expect(Object.keys(other.state())).toEqual(Object.keys(authors.state()));
      for (const [name, tensor] of Object.entries(other.state()))
        expect(
          Buffer.from(tensor.dataSync().buffer).equals(Buffer.from(authors.state()[name]!.dataSync().buffer)),
        ).toBe(true);
    }
    for (const backbone of [authors, both, diffusers]) backbone.dispose();
  });

  it("is told by its shapes where the config is missing, and by its folder in a pipeline", async () => {
    const files = filesOf(golden.taesd3);
    const name = "diffusion_pytorch_model.safetensors";
    const alone = await create(folder(name, { [name]: files[name]! }));
    expect(alone.spec.latentChannels).toBe(16);
    const pipeline = { "vae/config.json": files["config.json"]!, [`vae/${name}`]: files[name]! };
    const below = await create(folder("pipeline", pipeline), { variant: "taef1" });
    expect(below.spec).toMatchObject({ name: "taef1", latentChannels: 16 });
    for (const backbone of [alone, below]) backbone.dispose();
  });

  it("refuses what it does not know, by name", async () => {
    const before = tf.memory().numTensors;
    const files = filesOf(golden.taesd);
    const configured = (config: Record<string, unknown>): WeightsSource =>
      folder("model", { ...files, "config.json": text({ ...golden.taesd.config, ...config }) });
    await expect(create(folder("model", files), { variant: "taesd3" })).rejects.toMatchObject({
      code: "tae-variant",
      message: "model is an autoencoder with 4 latent channels; taesd3 has 16.",
    });
    await expect(create(configured({ latent_channels: 5 }))).rejects.toMatchObject({ code: "tae-variant" });
    await expect(create(configured({ act_fn: "gelu" }))).rejects.toThrow(/model\/config.json is not .*act_fn/);
    await expect(create(configured({ num_encoder_blocks: [1, 2, 3, 3] }))).rejects.toThrow(
      /num_encoder_blocks: only \[1,3,3,3\] is known/,
    );
    await expect(create(configured({ _class_name: "AutoencoderKL" }))).rejects.toMatchObject({
      code: "model-other-kind",
      setting: { path: "backbone.id", value: "sd-vae" },
    });
    await expect(create(configured({ latent_channels: 16 }))).rejects.toThrow(
      /"encoder.layers.14.weight" has shape \[4,64,3,3\], expected \[16,64,3,3\]/,
    );
    const misnamed = weightsOf(golden.taesd).map((tensor) =>
      tensor.name === "decoder.layers.18.bias" ? { ...tensor, name: "decoder.layers.18.bais" } : tensor,
    );
    const other = { ...files, "diffusion_pytorch_model.safetensors": writeSafetensors(misnamed) };
    await expect(create(folder("model", other))).rejects.toThrow(
      /"decoder.layers.18.bias" is missing \(there is "decoder.layers.18.bais"\)/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
