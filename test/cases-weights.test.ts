/** Weights of the kinds that users report, through the command line: the numbers are PyTorch's, or the message says what to do. */
import { expectedTensors, parseConfig } from "@revq/backbone-sd-vae";
import { openSafetensors, readNpyFloat32, writeNpy, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { seededWeights } from "../packages/metrics/test/seeded.js";
import { revq, revqJson, shared, temporaryFolder } from "./support/revq.js";

vi.setConfig({ testTimeout: 180_000 });

const folder = await temporaryFolder();
const cwd = folder.path;
const cases = join(shared, "cases");
const tiny = join(shared, "fixtures/sd-vae-tiny");
const hasCases = existsSync(cases) && existsSync(tiny);
const checkpoints = fileURLToPath(new URL("../packages/formats/test/fixtures/pth", import.meta.url));

type Planes = Awaited<ReturnType<typeof readNpyFloat32>>;
let io: Record<string, Planes> = {};

beforeAll(async () => {
  await writeFile(join(cwd, "black.npy"), writeNpy({ shape: [1, 3, 16, 16], data: new Float32Array(768) }));
  if (!hasCases) return;
  const file = await openSafetensors(await fromFile(join(tiny, "io.safetensors")));
  io = Object.fromEntries(
    await Promise.all([...file.tensors.keys()].map(async (name) => [name, await file.readFloat32(name)] as const)),
  );
  for (const name of ["input", "decoder_input"]) await writeFile(join(cwd, `${name}.npy`), writeNpy(io[name]!));
});
afterAll(() => folder.remove());

/** The first half of the channels of `[n, 2c, h, w]`. */
function means({ shape, data }: Planes): Planes {
  const [n, channels, ...rest] = shape as [number, number, number, number];
  const each = data.length / n;
  const result = new Float32Array(data.length / 2);
  for (let i = 0; i < n; i++) result.set(data.subarray(i * each, i * each + each / 2), (i * each) / 2);
  return { shape: [n, channels / 2, ...rest], data: result };
}

async function expectFile(name: string, expected: Planes): Promise<void> {
  const got = await readNpyFloat32(await fromFile(join(cwd, name)));
  expect(got.shape).toEqual(expected.shape);
  const scale = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - got.data[i]!)), 0);
  expect(error / scale).toBeLessThan(1e-4);
}

const run = (what: "encode" | "decode", weights: string, ...rest: string[]): Promise<unknown> =>
  revqJson(["backbone", what, "--backbone", "sd-vae", "--weights", weights, "--engine", "wasm", ...rest], { cwd });

describe.skipIf(!hasCases)("sd-vae (needs ../shared/cases)", () => {
  // Every case, both halves: plugins/backbone-sd-vae/test/layouts.test.ts.
  it.concurrent("encodes as PyTorch with each kind of weights", async () => {
    const names = ["ldm/vae.ckpt", "fp8", "weight-names/sdxl_vae-safetensors"];
    await Promise.all(
      names.map(async (name, i) => {
        await run("encode", join(cases, name), "input.npy", "-o", `latents-${i}.npy`);
        await expectFile(`latents-${i}.npy`, means(io["encoder_output"]!));
      }),
    );
  });

  it.concurrent("decodes as PyTorch with a whole model", async () => {
    await run("decode", join(cases, "ldm/whole-model.safetensors"), "decoder_input.npy", "-o", "images.npy");
    await expectFile("images.npy", io["decoder_output"]!);
  });

  it.concurrent(
    "the backbone of a file without a config.json is recognised, and a note says what was inferred",
    async () => {
      const weights = join(cases, "ldm/whole-model.safetensors");
      const { stdout, stderr, code } = await revq(
        ["backbone", "inspect", weights, "--image-size", "32", "--engine", "cpu"],
        { cwd },
      );
      expect(code, stderr).toBe(0);
      expect(stdout).toContain("sd-vae (the names of its tensors)");
      expect(stdout + stderr).toMatch(
        /whole-model\.safetensors has no config\.json\. From its shapes: channels 32, 64/,
      );
    },
  );
});

const weights = join(shared, "weights");
const hasBoth = existsSync(weights) && existsSync(join(cases, "class-folders"));

describe.skipIf(!hasBoth)("TAESD's encoder with the decoder of an AutoencoderKL (needs ../shared)", () => {
  const config = { _class_name: "AutoencoderKL", block_out_channels: [4, 4, 4, 4], norm_num_groups: 2 };
  const encoder = ["--backbone", "tae", "--weights", weights, "--set", "backbone.variant=taesd"];
  const decoder = ["--decoder", "sd-vae", "--decoder-weights", "vae"];
  const engine = ["--engine", "wasm"];

  beforeAll(async () => {
    const tensors = [...expectedTensors(parseConfig(config, "config.json"))].map(([name, shape], i) => ({
      name,
      shape: [...shape],
      data: seededWeights(shape, i),
    }));
    await mkdir(join(cwd, "vae"));
    await writeFile(join(cwd, "vae", "config.json"), JSON.stringify(config));
    await writeFile(join(cwd, "vae", "diffusion_pytorch_model.safetensors"), writeSafetensors(tensors));
    // Of a diffusion model, and of the VAE itself: divided by Stable Diffusion's scaling factor.
    const latents = seededWeights([2, 4, 4, 4], 9).map((value) => 4 * value);
    await writeFile(join(cwd, "seen.npy"), writeNpy({ shape: [2, 4, 4, 4], data: latents }));
    const own = latents.map((value) => value / 0.18215);
    await writeFile(join(cwd, "own.npy"), writeNpy({ shape: [2, 4, 4, 4], data: own }));
  });

  it.concurrent("decodes latents divided by the scaling factor", async () => {
    await revqJson(["backbone", "decode", ...encoder, ...decoder, "seen.npy", "-o", "pair.npy", ...engine], { cwd });
    await run("decode", "vae", "own.npy", "-o", "vae.npy");
    await expectFile("pair.npy", await readNpyFloat32(await fromFile(join(cwd, "vae.npy"))));
  });

  it.concurrent("a store of its latents trains a tokenizer with the decoder, which opens elsewhere", async () => {
    const images = join(cases, "class-folders");
    const size = ["--image-size", "32"];
    // The store is the encoder's: it opens with any decoder.
    await revqJson(["extract", ...encoder, ...decoder, "--data", images, ...size, "-o", "store", ...engine], { cwd });
    const quick = [
      "--preset",
      "tiny",
      "--epochs",
      "1",
      "--picture-steps",
      "0",
      "--transform",
      "none",
      "--lpips",
      "none",
    ];
    const model = ["--tokens", "4", "--codes", "2", "--set", "quantizer.split=channel", "--set", "quantizer.groups=1"];
    const train = ["train", "--data", "store", "--weights", weights, ...quick, ...model, ...engine];
    await revqJson([...train, ...decoder, "-o", "both"], { cwd });
    const { backbone } = JSON.parse(await readFile(join(cwd, "both", "config.json"), "utf8")) as {
      backbone: Record<string, unknown>;
    };
    expect(backbone).toMatchObject({
      id: "tae",
      options: { variant: "taesd" },
      decoder: { id: "sd-vae", package: "@revq/backbone-sd-vae", options: { config }, weights: "../vae" },
    });
    expect(await readFile(join(cwd, "both", "README.md"), "utf8")).toContain(
      `encoder of \`tae\`, weights \`${weights}\`; decoder of \`sd-vae\`, weights \`../vae\``,
    );
    await mkdir(join(cwd, "elsewhere"));
    await rename(join(cwd, "both"), join(cwd, "elsewhere", "both"));
    const args = ["eval", "elsewhere/both", "--data", images, "--lpips", "none", "--decoder-weights", "vae", ...engine];
    const { vae } = await revqJson<{ vae: { psnr: number } }>(args, { cwd });
    expect(vae.psnr).toBeLessThan(15); // random weights make no picture
  });

  it.concurrent("a decoder of another latent space is refused before anything is written", async () => {
    const { code, stderr } = await revq(
      ["train", ...encoder, ...decoder.slice(0, 2), "--decoder-weights", "embedded:tiny-sd-vae", "-o", "refused"],
      { cwd },
    );
    expect(code).not.toBe(0);
    expect(stderr.replace(/\s+/g, " ")).toMatch(/taesd and sd-vae f8c8 do not have one latent space: 4 channels/);
    expect(existsSync(join(cwd, "refused"))).toBe(false);
  });
});

describe("what cannot be opened is named for what it is", () => {
  const refusal = async (args: readonly string[]): Promise<string> => {
    const { code, stderr, stdout } = await revq(args, { cwd });
    expect(code).not.toBe(0);
    const text = (stderr + stdout).replace(/\s+/g, " ");
    expect(text).not.toMatch(/Get the file again|\bat .*\.(ts|js):\d+/);
    return text;
  };
  const encode = (weights: string, backbone = "sd-vae"): Promise<string> =>
    refusal([
      "backbone",
      "encode",
      "black.npy",
      "-o",
      "x.npy",
      "--engine",
      "cpu",
      "--backbone",
      backbone,
      "--weights",
      weights,
    ]);

  it.concurrent("a diffusion model without its VAE", async () => {
    const tensors = [{ name: "double_blocks.0.img_mod.lin.weight", shape: [1], data: new Float32Array(1) }];
    await writeFile(join(cwd, "flux1-dev.safetensors"), writeSafetensors(tensors));
    expect(await encode("flux1-dev.safetensors")).toMatch(/diffusion model without its VAE/);
  });

  it.concurrent("a folder with several files of weights, none of them named as a VAE's", async () => {
    await mkdir(join(cwd, "several"));
    for (const name of ["a.safetensors", "b.ckpt"]) await writeFile(join(cwd, "several", name), "");
    expect(await encode("several")).toMatch(
      /If one of its files holds the VAE, name that file: a\.safetensors, b\.ckpt/,
    );
  });

  it.concurrent("a checkpoint of PyTorch Lightning is read, and misses only the tensors of a VAE", async () => {
    expect(await encode(join(checkpoints, "lightning.ckpt"))).toMatch(
      /no tensors encoder\.conv_in\.weight and decoder\.conv_in\.weight, but state_dict\.decoder\.weight/,
    );
  });

  it.concurrent("an ONNX model whose weights are in a file that is not there", async () => {
    const external = fileURLToPath(new URL("../plugins/backbone-onnx/test/fixtures/external", import.meta.url));
    await mkdir(join(cwd, "onnx"));
    await cp(join(external, "encoder.onnx"), join(cwd, "onnx", "encoder.onnx"));
    expect(await encode("onnx", "onnx")).toMatch(/second file, encoder\.onnx\.data, which is not in onnx/);
  });

  const train = (latents: string): Promise<string> =>
    refusal(["train", "--latents", latents, "-o", "out", "--dry-run"]);

  it.concurrent("a file of torch.save without latents", async () => {
    await cp(join(checkpoints, "bare-tensor.pth"), join(cwd, "lat.pt"));
    expect(await train("lat.pt")).toMatch(/lat\.pt has shape \[3\]: it has 1 axes instead of 4\..*\[n, c, h, w\]/);
  });

  it.concurrent("a file with one latent", async () => {
    const tensors = [{ name: "latents", shape: [1, 4, 2, 2], data: new Float32Array(16) }];
    await writeFile(join(cwd, "latents-00000.safetensors"), writeSafetensors(tensors));
    expect(await train("latents-00000.safetensors")).toMatch(/holds 1 latent: nothing is left to validate on/);
  });
});
