/** Which configurations are understood, and how others are refused. */
import { downsampleOf, expectedTensors, parseConfig, sdVae } from "@revq/backbone-sd-vae";
import { describe, expect, it } from "vitest";

const blocks = (kind: string): string[] => Array<string>(4).fill(kind);
const base = {
  _class_name: "AutoencoderKL",
  down_block_types: blocks("DownEncoderBlock2D"),
  up_block_types: blocks("UpDecoderBlock2D"),
  block_out_channels: [128, 256, 512, 512],
  layers_per_block: 2,
};

describe("config.json", () => {
  it("takes null for what is not set, as diffusers writes it", () => {
    const nulls = { mid_block_add_attention: null, scaling_factor: null, shift_factor: null, latents_mean: null };
    expect(parseConfig({ ...base, ...nulls }, "config.json")).toEqual(parseConfig(base, "config.json"));
  });

  // The fields of the released models that shape the network.
  it.each([
    ["SDXL", { latent_channels: 4, scaling_factor: 0.13025 }, 4, true],
    [
      "SD3",
      { latent_channels: 16, shift_factor: 0.0609, use_quant_conv: false, use_post_quant_conv: false },
      16,
      false,
    ],
    [
      "FLUX",
      { latent_channels: 16, shift_factor: 0.1159, use_quant_conv: false, use_post_quant_conv: false },
      16,
      false,
    ],
    ["FLUX.2", { _class_name: "AutoencoderKLFlux2", latent_channels: 32, patch_size: [2, 2] }, 32, true],
  ])("of %s gives its network", (_, fields, channels, quantConv) => {
    const config = parseConfig({ ...base, ...fields }, "config.json");
    expect(downsampleOf(config)).toBe(8);
    const tensors = expectedTensors(config);
    expect(tensors.get("encoder.conv_out.weight")).toEqual([2 * channels, 512, 3, 3]);
    expect(tensors.has("quant_conv.weight")).toBe(quantConv);
    expect(tensors.has("post_quant_conv.weight")).toBe(quantConv);
  });

  it.each([
    [{ _class_name: "AutoencoderDC" }, /it describes AutoencoderDC/],
    [{ _class_name: "AutoencoderKLWan" }, /it describes AutoencoderKLWan\.$/],
    [{ _class_name: "UNet2DConditionModel" }, /UNet2DConditionModel, which is not a VAE/],
    [{ block_out_channels: [] }, /block_out_channels/],
    [{ down_block_types: ["AttnDownEncoderBlock2D"] }, /blocks of type AttnDownEncoderBlock2D are not supported/],
    [{ decoder_block_out_channels: [96, 192, 384, 384] }, /other channels than the encoder's/],
    [{ act_fn: "gelu" }, /activation gelu is not supported/],
    [{ in_channels: 4 }, /images do not have 3 channels/],
    [{ norm_num_groups: 48 }, /128 channels do not divide into 48 groups/],
  ])("%j is refused by name", (change, message) => {
    expect(() => parseConfig({ ...base, ...change }, "config.json")).toThrow(message);
  });
});

it("asks for weights", async () => {
  const options = sdVae.options.parse({}) as Parameters<typeof sdVae.create>[0];
  await expect(sdVae.create(options, { imageSize: 32 })).rejects.toMatchObject({ code: "backbone-weights" });
  await expect(sdVae.create(options, { imageSize: 32, state: {} })).rejects.toMatchObject({ code: "sd-vae-config" });
});
