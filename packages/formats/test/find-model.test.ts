/** Which of the files of a place are taken for the weights of a model. */
import type { WeightsSource } from "@revq/core";
import { fromBuffer, openModelFolder, openTensorFile, writeSafetensors } from "@revq/formats";
import { describe, expect, it } from "vitest";
import { goldenBytes } from "./fixtures.js";

/** Every file of weights holds one tensor with its own name. */
function place(...names: readonly string[]): WeightsSource {
  return {
    spec: "place",
    list: async () => names,
    open: async (name) =>
      fromBuffer(
        name,
        name.endsWith(".json")
          ? new TextEncoder().encode("{}")
          : writeSafetensors([{ name, shape: [1], data: Float32Array.of(1) }]),
      ),
  };
}

async function chosen(...names: readonly string[]): Promise<{ file: string; config?: string; notes: string[] }> {
  const notes: string[] = [];
  const { weights, config } = await openModelFolder(place(...names), "a VAE", (line) => notes.push(line));
  return { file: [...weights.tensors.keys()][0]!, ...(config ? { config: config.name } : {}), notes };
}

describe("openModelFolder", () => {
  // First the one that is taken.
  it.each([
    [
      [
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.bin",
        "diffusion_pytorch_model.fp16.safetensors",
      ],
    ],
    [["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bf16.safetensors"]],
    [["diffusion_pytorch_model.bf16.safetensors", "config.json"]],
    [["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"]],
    [["diffusion_pytorch_model.fp16.bin", "config.json"]],
    [["model.safetensors", "config.json"]],
    [["sdxl_vae.safetensors", "config.json", "README.md"]],
    [["anything.ckpt", "config.json", "optimizer.pt", "training_args.bin"]],
    [["pytorch_model.bin", "config.json"]],
    [["ae.safetensors", "README.md"]],
    [["ae.sft", "README.md"]],
    [["vae-ft-mse-840000-ema-pruned.safetensors", "vae-ft-mse-840000-ema-pruned.ckpt", "README.md"]],
    [["kl-f8.ckpt", "readme.txt"]],
    [["vae/diffusion_pytorch_model.fp16.safetensors", "model_index.json", "unet/diffusion_pytorch_model.safetensors"]],
    [["vae/diffusion_pytorch_model.safetensors", "v1-5-pruned.safetensors"]],
    [["vae/diffusion_pytorch_model.safetensors", "flux1-dev.safetensors", "ae.safetensors"]],
    [["vae_1_0/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.safetensors"]],
    [["split_files/vae/ae.safetensors", "split_files/diffusion_models/flux1-dev.safetensors"]],
  ])("takes the first of %j", async (names) => {
    for (const order of [names, [...names].reverse()])
      expect(await chosen(...order)).toMatchObject({ file: names[0], notes: [] });
  });

  it("reads the config.json beside the weights", async () => {
    expect(await chosen("config.json", "vae/config.json", "vae/model.safetensors")).toMatchObject({
      config: "vae/config.json",
    });
  });

  it("says which one it took where several fit", async () => {
    const { file, notes } = await chosen("config.json", "b.safetensors", "my-vae.safetensors", "a.ckpt");
    expect(file).toBe("my-vae.safetensors");
    expect(notes).toEqual(["place: using the weights my-vae.safetensors; not used are a.ckpt, b.safetensors."]);
  });

  it("asks for the file where no name says that it holds a VAE", async () => {
    await expect(chosen("a.safetensors", "b.safetensors")).rejects.toMatchObject({
      code: "model-folder-weights",
      fix: "If one of its files holds the VAE, name that file: a.safetensors, b.safetensors.",
    });
  });
});

describe("openTensorFile", () => {
  it("goes by the contents, not by the name", async () => {
    const safetensors = goldenBytes("safetensors/all-dtypes.safetensors");
    const checkpoint = goldenBytes("pth/checkpoint.pth");
    expect((await openTensorFile(fromBuffer("x.ckpt", safetensors))).tensors.size).toBeGreaterThan(10);
    expect((await openTensorFile(fromBuffer("x.safetensors", checkpoint))).tensors.size).toBe(28);
    const gguf = new TextEncoder().encode("GGUF\x03\0\0\0………………");
    await expect(openTensorFile(fromBuffer("x.safetensors", gguf))).rejects.toMatchObject({ code: "gguf-file" });
    const legacy = fromBuffer("x.safetensors", goldenBytes("pth/legacy.pth"));
    await expect(openTensorFile(legacy)).rejects.toMatchObject({ code: "pth-legacy" });
    const damaged = new Uint8Array(40);
    await expect(openTensorFile(fromBuffer("x.sft", damaged))).rejects.toMatchObject({
      code: "safetensors-header-not-json",
    });
    await expect(openTensorFile(fromBuffer("x.ckpt", damaged))).rejects.toMatchObject({ code: "pth-not-a-checkpoint" });
  });
});

describe("places without a model", () => {
  it("weights in several files without their index: the index is named", async () => {
    const parts = [1, 2].map((part) => `diffusion_pytorch_model-0000${part}-of-00002.safetensors`);
    await expect(chosen("config.json", ...parts)).rejects.toMatchObject({
      code: "model-folder-weights",
      message: expect.stringContaining("diffusion_pytorch_model.safetensors.index.json"),
      fix: expect.stringMatching(/^Get that file/),
    });
  });

  it("models in ONNX and weights of Flax are named for what they are", async () => {
    for (const name of ["encoder.onnx", "vae_encoder/model.onnx", "onnx/encoder_model_fp16.onnx"])
      await expect(chosen(name)).rejects.toMatchObject({ setting: { path: "backbone.id", value: "onnx" } });
    await expect(chosen("config.json", "diffusion_flax_model.msgpack")).rejects.toMatchObject({
      fix: expect.stringMatching(/Flax/),
    });
  });
});

describe("variants", () => {
  const [ema, nonEma] = ["ema", "non_ema"].map((state) => `diffusion_pytorch_model.${state}.safetensors`) as [
    string,
    string,
  ];

  it("says which training state it took; a precision is no other state", async () => {
    expect((await chosen("config.json", nonEma, ema)).notes).toEqual([
      `place: using the weights ${ema}; not used are ${nonEma}.`,
    ]);
    const whole = "diffusion_pytorch_model.safetensors";
    expect((await chosen("config.json", whole, ema)).notes).toEqual([
      `place: using the weights ${whole}; not used are ${ema}.`,
    ]);
    expect((await chosen("config.json", ema, ema.replace("safetensors", "bin"))).notes).toEqual([]);
  });
});

describe("files that are not what their names say", () => {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  it.each([
    ["an error of a server", text("Entry not found"), "text-instead-of-data", /"Entry not found"/],
    [
      "an error as JSON",
      text('{"error":"Invalid credentials in Authorization header"}'),
      "text-instead-of-data",
      /error/,
    ],
    [
      "HDF5",
      Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, ...new Uint8Array(60)),
      "hdf5-file",
      /Keras/,
    ],
    ["a file that was not filled", new Uint8Array(4096), "zeros-instead-of-data", /begins with zeros/],
  ])("%s", async (_, bytes, code, message) => {
    for (const name of ["ae.safetensors", "vae.ckpt", "blob"]) {
      const source = {
        spec: "place",
        list: async () => [name],
        open: async () => fromBuffer(name, bytes),
      };
      await expect(openModelFolder(source, "a VAE")).rejects.toMatchObject({ code, message });
    }
  });
});
