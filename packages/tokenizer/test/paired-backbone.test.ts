/**
 * The encoder of one VAE with the decoder of another. The scale of latents is checked with VAEs
 * whose numbers are closed forms, and with the plugins on weights that are made here.
 */
import { expectedTensors, parseConfig, sdVae } from "@revq/backbone-sd-vae";
import { tae } from "@revq/backbone-tae";
import {
  fingerprint,
  PluginRegistry,
  toNamedArrays,
  type Backbone,
  type LatentScaling,
  type WeightsSource,
} from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, writeSafetensors } from "@revq/formats";
import { openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededImage, seededWeights } from "../../metrics/test/seeded.js";
import {
  createBackbone,
  pairBackbones,
  pluginsOf,
  serializeTokenizer,
  Tokenizer,
  type BackboneChoice,
} from "../src/index.js";
import { makeTokenizer, plugins as tinyPlugins } from "./tiny-tokenizer.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

interface Vae {
  readonly channels?: number;
  readonly downsample?: number;
  readonly decodes?: boolean;
  readonly scaling?: LatentScaling | null;
  readonly fitted?: boolean;
}

/** Latents are the image times `factor`, in the convention of `scaling`. */
function linearVae(name: string, { channels = 3, downsample = 1, decodes = true, scaling, fitted }: Vae): Backbone {
  const applied = scaling?.applied ? scaling : { scale: 1, shift: 0 };
  const own = 5; // every image's own latent
  const weight = tf.tensor4d([own], [1, 1, 1, 1]);
  const decode = (latents: Tensor4D, w: tf.Tensor): Tensor4D =>
    tf.div(tf.add(tf.div(latents, applied.scale), applied.shift), w);
  return {
    spec: { name, downsample, latentChannels: channels, decodes },
    ...(scaling === undefined ? {} : { scaling }),
    encode: async (images) =>
      tf.tidy(() => tf.mul<Tensor4D>(tf.sub(tf.mul(images, weight), applied.shift), applied.scale)),
    decode: async (latents) => tf.tidy(() => decode(latents, weight)),
    state: () => ({ weight }),
    gradients: {
      stages: [["weight"]],
      decode: (latents, { weight: w = weight } = {}) => ({ images: decode(latents, w), features: [] }),
    },
    ...(fitted ? { fit: { fitted: true, run: async () => {} } } : {}),
    dispose: () => weight.dispose(),
  };
}

const vaeOf = (applied: boolean, scale = 0.25, shift = 0.5): Vae => ({ scaling: { applied, scale, shift } });
const image = (): Tensor4D => tf.tensor4d([0.5, 0.25, -1, 0, 1, 0.125], [1, 1, 2, 3]);

describe("of two VAEs", () => {
  it.each([
    ["both as the VAE has them", vaeOf(false), vaeOf(false)],
    ["both as a diffusion model sees them", vaeOf(true), vaeOf(true)],
    ["the encoder's scaled", vaeOf(true), vaeOf(false)],
    ["the decoder's scaled", vaeOf(false), vaeOf(true)],
    ["the encoder's scaled, the decoder's factors not known", vaeOf(true), {}],
    ["the decoder's scaled, the encoder's factors not known", {}, vaeOf(true)],
    ["both normalized", { scaling: null }, { scaling: null }],
  ])("latents, %s: the image comes back", async (_, encoder, decoder) => {
    const pair = pairBackbones(linearVae("one", encoder), linearVae("two", decoder));
    const own = linearVae("one", encoder);
    const [x, latents] = [image(), await pair.encode(image())];
    expect(await latents.data()).toEqual(await (await own.encode(x)).data()); // the encoder's, unchanged
    const back = await (await pair.decode(latents)).data();
    (await x.data()).forEach((value, i) => expect(back[i]).toBeCloseTo(value, 5));
    expect(pair.spec).toEqual({ ...own.spec, name: "one, decoder of two" });
    const before = tf.memory().numTensors;
    (await pair.decode(latents)).dispose();
    expect(tf.memory().numTensors, "tensors left").toBe(before);
    pair.dispose();
  });

  it("the state has both, and gradients go through the change of scale to the decoder's weights", () => {
    const pair = pairBackbones(linearVae("one", vaeOf(true)), linearVae("two", vaeOf(false)));
    expect(Object.keys(pair.state())).toEqual(["encoder.weight", "decoder.weight"]);
    expect(pair.gradients!.stages).toEqual([["decoder.weight"]]);
    // image = (latent / .25 + .5) / w: by the latent 4 / w, by w minus the image over w
    const latents = tf.tensor4d([0.75], [1, 1, 1, 1]);
    const w = tf.tensor4d([7], [1, 1, 1, 1]);
    const [byLatent, byWeight] = tf.grads((z, weight) =>
      tf.sum(pair.gradients!.decode(z as Tensor4D, { "decoder.weight": weight! }).images),
    )([latents, w]);
    expect(byLatent!.dataSync()[0]).toBeCloseTo(4 / 7, 6);
    expect(byWeight!.dataSync()[0]).toBeCloseTo(-3.5 / 49, 6);
    pair.dispose();
  });

  it.each([
    ["channels", {}, { channels: 4 }, "backbone-pair-shape", /one and two .*: 3 channels, .* and 4 channels/],
    ["downsampling", {}, { downsample: 8 }, "backbone-pair-shape", /1 x 1 pixels and .* 8 x 8 pixels/],
    [
      "scaling factor",
      vaeOf(true, 0.18215, 0),
      vaeOf(false, 0.13025, 0),
      "backbone-pair-space",
      /0\.18215 and .* 0\.13025/,
    ],
    ["shift", vaeOf(true, 0.3611, 0.1159), vaeOf(false, 0.3611, 0), "backbone-pair-space", /shift 0\.1159 and/],
    ["statistics", { scaling: null }, vaeOf(false), "backbone-pair-space", /one are normalized by statistics/],
    ["a decoder that is missing", {}, { decodes: false }, "backbone-cannot-decode", /two has no decoder/],
    ["a VAE that is fitted", { fitted: true }, {}, "backbone-pair-fitted", /one is fitted on the images/],
  ] as const)("are refused for another %s", (_, encoder, decoder, code, message) => {
    expect(() => pairBackbones(linearVae("one", encoder), linearVae("two", decoder))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });
});

const config = {
  _class_name: "AutoencoderKL",
  block_out_channels: [4, 4, 4, 4],
  layers_per_block: 1,
  norm_num_groups: 2,
  latent_channels: 4,
  scaling_factor: 0.18215,
};

function folder(spec: string, files: Readonly<Record<string, Uint8Array>>): WeightsSource {
  return { spec, list: async () => Object.keys(files), open: async (name) => fromBuffer(name, files[name]!) };
}

function sdVaeFiles(change: object = {}, withConfig = true): WeightsSource {
  const json = { ...config, ...change };
  const tensors = [...expectedTensors(parseConfig(json, "config.json"))].map(([name, shape], i) => ({
    name,
    shape: [...shape],
    data: seededWeights([...shape], i),
  }));
  return folder("a VAE", {
    ...(withConfig ? { "config.json": new TextEncoder().encode(JSON.stringify(json)) } : {}),
    "diffusion_pytorch_model.safetensors": writeSafetensors(tensors),
  });
}

const shared = fileURLToPath(new URL("../../../../shared/weights", import.meta.url));
const registry = new PluginRegistry().register(tae, "@revq/backbone-tae").register(sdVae, "@revq/backbone-sd-vae");
const context = { plugins: registry, imageSize: 32 };

describe.skipIf(!existsSync(shared))("TAESD's encoder (needs ../shared/weights)", () => {
  const choice = async (variant: string, vae = sdVaeFiles()): Promise<BackboneChoice> => ({
    id: "tae",
    options: { variant },
    weights: await openWeights(shared),
    decoder: { id: "sd-vae", options: {}, weights: vae },
  });
  const pixels = (): Tensor4D => tf.tensor4d(seededImage(32, 32, 1), [1, 32, 32, 3]);

  it("with the decoder of an AutoencoderKL: that decodes latents divided by Stable Diffusion's factor", async () => {
    const pair = await createBackbone(await choice("taesd"), context);
    const vae = await createBackbone({ id: "sd-vae", options: {}, weights: sdVaeFiles() }, context);
    const latents = await pair.encode(pixels());
    const [got, expected] = [await pair.decode(latents), await vae.decode(tf.div(latents, 0.18215))];
    expect(await got.data()).toEqual(await expected.data());
    expect(pair.spec).toMatchObject({ name: "taesd, decoder of sd-vae f8c4", downsample: 8, decodes: true });
    pair.dispose();
    vae.dispose();
  });

  it("with TAESD's own decoder: TAESD", async () => {
    const own = { id: "tae", options: { variant: "taesd" }, weights: await openWeights(shared) };
    const [pair, alone] = [await createBackbone({ ...own, decoder: own }, context), await createBackbone(own, context)];
    const latents = await alone.encode(pixels());
    expect(await (await pair.encode(pixels())).data()).toEqual(await latents.data());
    expect(await (await pair.decode(latents)).data()).toEqual(await (await alone.decode(latents)).data());
    pair.dispose();
    alone.dispose();
  });

  it("of another model is refused, unless the VAE's factor is a guess", async () => {
    const before = tf.memory().numTensors;
    await expect(createBackbone(await choice("taesdxl"), context)).rejects.toMatchObject({
      code: "backbone-pair-space",
      message: expect.stringContaining("scaling factor 0.13025 and scaling factor 0.18215"),
      setting: { path: "backbone.decoder.id" },
    });
    expect(tf.memory().numTensors, "tensors left").toBe(before);
    const guessed = sdVaeFiles({ norm_num_groups: 1 }, false);
    (await createBackbone(await choice("taesdxl", guessed), context)).dispose();
  });

  it("and a decoder without weights: the error is about the decoder", async () => {
    const { decoder: _, ...own } = await choice("taesd");
    await expect(createBackbone({ ...own, decoder: { id: "sd-vae", options: {} } }, context)).rejects.toMatchObject({
      code: "backbone-weights",
      setting: { path: "backbone.decoder.weights" },
    });
  });
});

describe.skipIf(!existsSync(shared))("a tokenizer with two VAEs (needs ../shared/weights)", () => {
  const plugins = [...tinyPlugins, tae, sdVae];
  const saved = { package: null, options: { variant: "taesd" }, weights: "tae", fingerprint: "", embedded: false };
  const places: Record<string, () => Promise<WeightsSource>> = {
    "memory/tae": () => openWeights(shared),
    "memory/vae": async () => sdVaeFiles(),
    "hf:elsewhere/vae": async () => sdVaeFiles(),
    "hf:another/vae": async () => sdVaeFiles({ layers_per_block: 2 }),
  };
  let tokenizer: Tokenizer;
  let ids: Int32Array;
  let pixels: Float32Array;

  beforeAll(async () => {
    const decoder = { id: "sd-vae", package: null, options: { config, tile: 0 }, weights: "vae" };
    const choice: BackboneChoice = {
      id: "tae",
      options: saved.options,
      weights: await openWeights(shared),
      decoder: { ...decoder, weights: sdVaeFiles() },
    };
    const backbone = await createBackbone(choice, context);
    const hash = await fingerprint(await toNamedArrays(backbone.state()));
    tokenizer = await makeTokenizer({ vae: { backbone, saved: { id: "tae", ...saved, fingerprint: hash, decoder } } });
    const images = tf.tensor4d(seededImage(32, 32, 3), [1, 32, 32, 3]);
    ids = (await (await tokenizer.encodeImages(images)).data()) as Int32Array;
    pixels = await decoded(tokenizer);
  });
  afterAll(() => tokenizer.dispose());

  const decoded = async (of: Tokenizer): Promise<Float32Array> =>
    (await (await of.decodeIds(tf.tensor2d(ids, [1, ids.length], "int32"))).data()) as Float32Array;

  /** Opens the tokenizer's files, with a changed config.json and options of `Tokenizer.load`. */
  async function reopened(backbone: object = {}, options: object = {}): Promise<Tokenizer> {
    const changed = { ...tokenizer.config, backbone: { ...tokenizer.config.backbone!, ...backbone } };
    const files = await serializeTokenizer({ parts: { ...tokenizer.parts, config: changed } });
    const openWeights = (spec: string): Promise<WeightsSource> => {
      if (!places[spec]) throw new Error(`opened ${spec}`);
      return places[spec]();
    };
    return Tokenizer.load(folder("memory", files), { plugins, openWeights, ...options });
  }

  async function expectSame(opening: Promise<Tokenizer>): Promise<void> {
    const again = await opening;
    expect(await decoded(again)).toEqual(pixels);
    again.dispose();
  }

  it("decodes the same with the weights that it names, or with those that are given", async () => {
    await expectSame(reopened());
    const { decoder } = tokenizer.config.backbone!;
    const moved = reopened({ decoder: { ...decoder!, weights: "nowhere" } }, { decoderWeights: "hf:elsewhere/vae" });
    await expectSame(moved);
  });

  it("decodes the same with both inside, and with one inside", async () => {
    const { decoder } = tokenizer.config.backbone!;
    const inside = { embedded: true, weights: null, decoder: { ...decoder!, weights: null } };
    await expectSame(reopened(inside));
    await expectSame(reopened(inside, { decoderWeights: "hf:elsewhere/vae" }));
  });

  it("imports the plugins of both", () => {
    const named = pluginsOf(tokenizer.config).filter(({ kind }) => kind === "backbone");
    expect(named.map(({ id }) => id)).toEqual(["tae", "sd-vae"]);
  });

  it("refuses another decoder: the fingerprint is over both", async () => {
    const { decoder } = tokenizer.config.backbone!;
    const other = { ...decoder!, options: { config: { ...config, layers_per_block: 2 } } };
    await expect(reopened({ decoder: other }, { decoderWeights: "hf:another/vae" })).rejects.toMatchObject({
      code: "backbone-fingerprint",
      message: expect.stringContaining("tae or of the decoder sd-vae"),
      setting: { path: "backbone.decoder.weights" },
    });
  });
});
