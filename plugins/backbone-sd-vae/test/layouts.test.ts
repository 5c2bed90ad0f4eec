/**
 * Weights of the kinds that people have: the original layout, whole models, other names, tensors of
 * other networks. The numbers are PyTorch's.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sdVae } from "@revq/backbone-sd-vae";
import { isRevqError, parseOptions, type Backbone, type WeightsSource } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, openSafetensors, writeSafetensors, type TensorToWrite } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const shared = process.env["REVQ_SHARED"] ?? resolve("../shared");
const tiny = join(shared, "fixtures/sd-vae-tiny");
const cases = join(shared, "cases");
const mutations = Number(process.env["REVQ_MUTATIONS"] ?? 2000);

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
});
afterAll(() => engine.dispose());

async function create(
  weights: WeightsSource,
  options: object = {},
): Promise<{ backbone: Backbone; config: unknown; notes: string[] }> {
  const notes: string[] = [];
  const context = { imageSize: 32, weights, note: (line: string) => notes.push(line) };
  const given = parseOptions(sdVae, { ...options });
  const backbone = await sdVae.create(given, context);
  return { backbone, config: (await sdVae.resolve!(given, context)).config, notes };
}

async function tensorsOf(path: string): Promise<TensorToWrite[]> {
  const file = await openSafetensors(await fromFile(path));
  return Promise.all([...file.tensors.keys()].map(async (name) => ({ name, ...(await file.readFloat32(name)) })));
}

const place = (files: Record<string, Uint8Array>): WeightsSource => ({
  spec: "place",
  list: async () => Object.keys(files),
  open: async (name) => fromBuffer(name, files[name]!),
});
const oneFile = (tensors: readonly TensorToWrite[], name = "vae.safetensors"): WeightsSource =>
  place({ [name]: writeSafetensors(tensors) });

async function expectPyTorch(backbone: Backbone): Promise<void> {
  const io = Object.fromEntries((await tensorsOf(join(tiny, "io.safetensors"))).map((one) => [one.name, one]));
  const planes = (name: string): tf.Tensor4D =>
    tf.transpose(
      tf.tensor4d(io[name]!.data as Float32Array, io[name]!.shape as [number, number, number, number]),
      [0, 2, 3, 1],
    );
  const moments = planes("encoder_output");
  const [n, h, w, channels] = moments.shape;
  const pairs: [tf.Tensor4D, tf.Tensor4D][] = [
    [await backbone.encode(planes("input")), tf.slice(moments, [0, 0, 0, 0], [n, h, w, channels / 2])],
    [await backbone.decode(planes("decoder_input")), planes("decoder_output")],
  ];
  for (const [got, expected] of pairs) {
    expect(got.shape).toEqual(expected.shape);
    const scale = (await tf.max(tf.abs(expected)).data())[0]!;
    expect((await tf.max(tf.abs(tf.sub(got, expected))).data())[0]! / scale).toBeLessThan(1e-4);
  }
  backbone.dispose();
}

describe.skipIf(!existsSync(cases) || !existsSync(tiny))("weights of other kinds (needs ../shared)", () => {
  it.each(["ldm/vae.safetensors", "ldm/vae.ckpt", "ldm/whole-model.safetensors"])(
    "%s: the original layout, with a configuration from the shapes",
    async (name) => {
      const { backbone, config, notes } = await create(await openWeights(join(cases, name)));
      expect(notes).toEqual([
        expect.stringMatching(
          /has no config\.json\. From its shapes: channels 32, 64, 1 residual blocks per resolution, 4 latent channels, with quantizing convolutions, with attention\. Guessed: 8 groups per norm, scaling factor 0\.18215/,
        ),
      ]);
      const right = JSON.parse(readFileSync(join(tiny, "config.json"), "utf8")) as Record<string, unknown>;
      for (const key of [
        "block_out_channels",
        "layers_per_block",
        "latent_channels",
        "norm_num_groups",
        "scaling_factor",
      ])
        expect(config).toHaveProperty(key, right[key]);
      await expectPyTorch(backbone);
    },
  );

  it("a file by its name is read with the config.json beside it", async () => {
    const { backbone, config, notes } = await create(
      await openWeights(join(tiny, "diffusion_pytorch_model.safetensors")),
    );
    expect(config).toEqual(JSON.parse(readFileSync(join(tiny, "config.json"), "utf8")));
    expect(notes).toEqual([]);
    await expectPyTorch(backbone);
  });

  it.each([
    "fp8",
    "weight-names/diffusion_pytorch_model-bf16-safetensors",
    "weight-names/model-safetensors",
    "weight-names/sdxl_vae-safetensors",
  ])("%s", async (name) => {
    const { backbone, notes } = await create(await openWeights(join(cases, name)));
    expect(notes).toEqual([]);
    await expectPyTorch(backbone);
  });

  it("a model below vae. whose attention is made of matrices (ComfyUI)", async () => {
    const tensors = (await tensorsOf(join(cases, "ldm/vae.safetensors"))).map(({ name, shape, data }) => ({
      name: `vae.${name}`,
      shape: /attn_1\.(q|k|v|proj_out)\.weight/.test(name) ? shape.slice(0, 2) : shape,
      data,
    }));
    const others = [
      { name: "model.diffusion_model.x", shape: [1], data: new Float32Array(1) },
      { name: "vae.loss.logvar", shape: [1], data: new Float32Array(1) },
      { name: "vae.model_ema.decay", shape: [1], data: new Float32Array(1) },
    ];
    await expectPyTorch((await create(oneFile([...tensors, ...others], "all-in-one.ckpt"))).backbone);
  });

  it("quantizing convolutions inside the halves (FLUX.2)", async () => {
    const tensors = (await tensorsOf(join(cases, "ldm/vae.safetensors"))).map((tensor) => ({
      ...tensor,
      name: tensor.name.replace(/^quant/, "encoder.quant").replace(/^post_quant/, "decoder.post_quant"),
    }));
    const statistics = { name: "bn.running_mean", shape: [16], data: new Float32Array(16) };
    await expectPyTorch((await create(oneFile([...tensors, statistics], "ae.safetensors"))).backbone);
  });

  it("diffusers' names without a config.json, and a field that the shapes do not tell", async () => {
    const tensors = await tensorsOf(join(tiny, "diffusion_pytorch_model.safetensors"));
    await expectPyTorch((await create(oneFile(tensors))).backbone);
    const { backbone, config } = await create(oneFile(tensors), { config: { norm_num_groups: 4 } });
    expect(config).toMatchObject({ norm_num_groups: 4, block_out_channels: [32, 64] });
    backbone.dispose();
  });

  it("nothing of a config.json is said where there is none; of many tensors in float8, once", async () => {
    const tensors = await tensorsOf(join(cases, "ldm/vae.safetensors"));
    const cut = tensors.filter(({ name }) => name !== "decoder.mid.block_1.conv2.bias");
    const error = await create(oneFile(cut)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: /"decoder\.mid_block\.resnets\.0\.conv2\.bias" is missing/,
      fix: /not complete/,
    });
    expect(String(error)).not.toMatch(/config\.json/);

    const file = writeSafetensors(
      tensors.map(({ name, shape, data }) => ({
        name,
        shape,
        data: new Uint8Array(data.length),
        dtype: "U8" as const,
      })),
    );
    // The same sizes under another dtype's name, which is as long with the spaces after it.
    const text = new TextDecoder("latin1").decode(file).replaceAll('"dtype":"U8"', '"dtype":"F8_E5M2"');
    const header = text.slice(8, text.lastIndexOf("}}") + 2);
    const length = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
    const all = tensors.reduce((sum, { data }) => sum + data.length, 0);
    const float8 = Buffer.concat([length, Buffer.from(header, "latin1"), new Uint8Array(all)]);
    await expect(create(place({ "vae.safetensors": float8 }))).rejects.toMatchObject({
      message: /"encoder\.conv_in\.weight" and 123 more are F8_E5M2; weights are read from F64, F32, F16 and BF16\.$/,
      fix: /float16, bfloat16 or float32/,
    });
  });

  it("without quantizing convolutions and attention (FLUX.1, SD3)", async () => {
    const tensors = (await tensorsOf(join(cases, "ldm/vae.safetensors"))).filter(
      ({ name }) => !/quant_conv|attn_1/.test(name),
    );
    const { backbone, config } = await create(oneFile(tensors));
    expect(config).toMatchObject({
      use_quant_conv: false,
      use_post_quant_conv: false,
      mid_block_add_attention: false,
    });
    backbone.dispose();
  });

  it("the first of several VAEs in a file, with a note", async () => {
    const tensors = await tensorsOf(join(cases, "ldm/vae.safetensors"));
    const other = tensors.map(({ name, shape }) => ({
      name: `model_ema.${name}`,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
    }));
    const { backbone, notes } = await create(oneFile([...other, ...tensors]));
    expect(notes[0]).toBe('vae.safetensors holds 2 VAEs; using the one under "".');
    await expectPyTorch(backbone);
  });
});

describe("weights that are no AutoencoderKL", () => {
  const tensor = (name: string, shape: number[] = [1]): TensorToWrite => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const halves = (...rest: string[]): TensorToWrite[] => [
    tensor("decoder.conv_in.weight", [8, 4, 3, 3]),
    tensor("encoder.conv_in.weight", [8, 3, 3, 3]),
    ...rest.map((name) => tensor(name)),
  ];
  it.each<[string, TensorToWrite[], RegExp, RegExp]>([
    ["a diffusion model", [tensor("double_blocks.0.img_mod.lin.weight")], /no tensors encoder/, /without its VAE/],
    ["half a VAE", [tensor("decoder.conv_in.weight", [8, 4, 3, 3])], /no tensors encoder/, /encoder is missing/],
    ["the other half", [tensor("vae.encoder.conv_in.weight")], /no tensors decoder/, /decoder is missing/],
    [
      "a VAE for video",
      [tensor("decoder.conv_in.weight", [8, 4, 3, 3, 3]), tensor("encoder.conv_in.weight")],
      /kernel of 5 axes/,
      /image model/,
    ],
    ["a VQ-VAE", halves("quantize.embedding.weight"), /VQ-VAE/, /continuous/],
    ["kl-f16", halves("encoder.down.3.attn.0.q.weight"), /attention outside the middle block/, /middle block only/],
    ["a cut VAE", halves("decoder.mid.block_1.conv1.weight"), /not complete/, /Get the file again/],
  ])("%s is refused for that reason", async (_, tensors, message, fix) => {
    await expect(create(oneFile(tensors))).rejects.toMatchObject({ code: "sd-vae-tensors", message, fix });
  });

  it.each([
    ["a tiny autoencoder", [tensor("decoder.layers.0.weight")], "an AutoencoderTiny", "tae"],
    ["half a tiny autoencoder", [tensor("1.weight"), tensor("3.conv.0.weight")], "an AutoencoderTiny", "tae"],
    ["a DC-AE", halves("decoder.up_blocks.0.0.conv1.weight"), "an AutoencoderDC", "dc-ae"],
  ])("%s is refused with the backbone that reads it", async (_, tensors, what, id) => {
    await expect(create(oneFile(tensors))).rejects.toMatchObject({
      code: "model-other-kind",
      message: `place is ${what}; an AutoencoderKL was expected.`,
      setting: { path: "backbone.id", value: id },
    });
  });

  it("in damaged files end in errors of ours", async () => {
    const names = halves(
      ...["block_1", "block_2"].flatMap((block) => [
        `encoder.mid.${block}.conv1.weight`,
        `decoder.mid.${block}.conv1.weight`,
      ]),
      "encoder.down.0.block.0.conv1.weight",
      "decoder.up.0.block.0.conv1.weight",
      "decoder.conv_out.weight",
    );
    const seed = writeSafetensors(names);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(seed.length - 1), fc.constantFrom(0x2e, 0x30, 0x31, 0x39, 0x5d, 0x61, 0x22)), {
          maxLength: 4,
        }),
        async (changes) => {
          const bytes = seed.slice();
          for (const [at, value] of changes) bytes[at] = value;
          const error = await create(place({ "x.safetensors": bytes })).catch((caught: unknown) => caught);
          expect(isRevqError(error), String((error as Error).stack)).toBe(true);
        },
      ),
      { numRuns: mutations, seed: 1 },
    );
  });
});
