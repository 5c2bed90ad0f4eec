/** What is refused, and with which message. */
import { dcAe } from "@revq/backbone-dc-ae";
import { parseOptions, type WeightsSource } from "@revq/core";
import { fromBuffer, writeSafetensors } from "@revq/formats";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.js";

const config = {
  _class_name: "AutoencoderDC",
  latent_channels: 4,
  attention_head_dim: 8,
  encoder_block_types: ["ResBlock", "EfficientViTBlock"],
  decoder_block_types: ["ResBlock", "EfficientViTBlock"],
  encoder_block_out_channels: [8, 16],
  decoder_block_out_channels: [8, 16],
  encoder_layers_per_block: [1, 1],
  decoder_layers_per_block: [1, 1],
  encoder_qkv_multiscales: [[], []],
  decoder_qkv_multiscales: [[], []],
};

describe("config.json", () => {
  it.each([
    [{ _class_name: "AutoencoderKL" }, /it describes AutoencoderKL/],
    [{ encoder_block_types: ["ResBlock", "MambaBlock"] }, /encoder_block_types/],
    [{ encoder_layers_per_block: [1] }, /encoder_layers_per_block has 1 entries for 2 stages/],
    [{ decoder_layers_per_block: [1, 0] }, /stage 1 of the decoder has no layers/],
    [{ attention_head_dim: 7 }, /16 channels do not divide into heads of 7/],
    [{ latent_channels: 5 }, /16 channels are no multiple of the 5 latent channels/],
    [{ decoder_norm_types: "batch_norm" }, /EfficientViT blocks with batch_norm are not supported/],
    [{ decoder_act_fns: "mish" }, /decoder_act_fns/],
  ])("%j is refused by name", (change, message) => {
    expect(() => parseConfig({ ...config, ...change }, "config.json")).toThrow(message);
  });
});

describe("weights", () => {
  const create = (files: Record<string, Uint8Array>) => {
    const weights: WeightsSource = {
      spec: "place",
      list: async () => Object.keys(files),
      open: async (name) => fromBuffer(name, files[name]!),
    };
    return dcAe.create(parseOptions(dcAe, {}), { imageSize: 16, weights });
  };
  const one = writeSafetensors([{ name: "encoder.conv_in.wieght", shape: [1], data: new Float32Array(1) }]);

  it("without a config.json, with one of another model, with other tensors", async () => {
    await expect(create({ "model.safetensors": one })).rejects.toMatchObject({ code: "model-config" });
    const file = (json: unknown) => ({
      "config.json": new TextEncoder().encode(JSON.stringify(json)),
      "diffusion_pytorch_model.safetensors": one,
    });
    await expect(create(file([1]))).rejects.toThrow(/place\/config.json is not a JSON object/);
    await expect(create(file({ _class_name: "AutoencoderKL" }))).rejects.toMatchObject({
      code: "model-other-kind",
      message: expect.stringMatching(/is an AutoencoderKL; an AutoencoderDC was expected/),
      setting: { path: "backbone.id", value: "sd-vae" },
    });
    await expect(create(file(config))).rejects.toThrow(
      /"encoder.conv_in.weight" is missing \(there is "encoder.conv_in.wieght"\)/,
    );
  });

  it("none at all", async () => {
    await expect(dcAe.create({}, { imageSize: 16 })).rejects.toMatchObject({ code: "backbone-weights" });
  });
});
