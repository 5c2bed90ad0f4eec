/**
 * The part of an AutoencoderDC's `config.json` (diffusers) that shapes the network. Unsupported
 * values are refused by name.
 */
import { RevqError } from "@revq/core";
import { z } from "zod";

const blockTypes = z.array(z.enum(["ResBlock", "EfficientViTBlock"])).min(2);
const norms = z.enum(["rms_norm", "batch_norm"]);
const activations = z.enum(["silu", "swish", "relu", "relu6"]);
const counts = z.array(z.int().min(0));

const fileSchema = z.looseObject({
  in_channels: z.literal(3).default(3),
  latent_channels: z.int().positive().default(32),
  attention_head_dim: z.int().positive().default(32),
  encoder_block_types: z.union([z.enum(["ResBlock", "EfficientViTBlock"]), blockTypes]),
  decoder_block_types: z.union([z.enum(["ResBlock", "EfficientViTBlock"]), blockTypes]),
  encoder_block_out_channels: z.array(z.int().positive()).min(2),
  decoder_block_out_channels: z.array(z.int().positive()).min(2),
  encoder_layers_per_block: counts,
  decoder_layers_per_block: counts,
  encoder_qkv_multiscales: z.array(z.array(z.int().positive())),
  decoder_qkv_multiscales: z.array(z.array(z.int().positive())),
  upsample_block_type: z.enum(["pixel_shuffle", "interpolate"]).default("pixel_shuffle"),
  downsample_block_type: z.enum(["pixel_unshuffle", "conv", "Conv"]).default("pixel_unshuffle"),
  decoder_norm_types: z.union([norms, z.array(norms)]).default("rms_norm"),
  decoder_act_fns: z.union([activations, z.array(activations)]).default("silu"),
  scaling_factor: z.number().default(1),
});

export type Norm = z.output<typeof norms>;
export type Activation = "silu" | "relu" | "relu6";

/** One resolution of the encoder or decoder. The image's own resolution comes first in both. */
export interface Stage {
  readonly block: "ResBlock" | "EfficientViTBlock";
  readonly channels: number;
  /** Number of blocks. 0 only in the first stage: a resampling convolution stands in for it. */
  readonly layers: number;
  /** Kernel sides of the attention's aggregation branches. */
  readonly multiscales: readonly number[];
  readonly norm: Norm;
  readonly activation: Activation;
}

export interface AutoencoderDcConfig {
  readonly latentChannels: number;
  readonly headDim: number;
  readonly encoder: readonly Stage[];
  readonly decoder: readonly Stage[];
  readonly upsample: "pixel_shuffle" | "interpolate";
  readonly downsample: "pixel_unshuffle" | "conv";
  /** Diffusion models see latent * scaling. This backbone does not scale. */
  readonly scalingFactor: number;
}

/**
 * @param json the parsed file
 * @param name for messages
 * @throws RevqError `dc-ae-config`
 */
export function parseConfig(json: unknown, name: string): AutoencoderDcConfig {
  const refuse = (problem: string): RevqError =>
    new RevqError("dc-ae-config", `${name} is not a supported configuration of an AutoencoderDC: ${problem}.`, {
      fix: "Name the autoencoder's own folder, with config.json beside the weights.",
      setting: { path: "backbone.weights" },
    });
  const className = (json as { _class_name?: unknown } | null)?._class_name;
  if (typeof className === "string" && className !== "AutoencoderDC") throw refuse(`it describes ${className}`);
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    throw refuse(parsed.error.issues.map((issue) => `${issue.path.join(".") || "value"}: ${issue.message}`).join("; "));
  }
  const file = parsed.data;

  const stages = (
    half: "encoder" | "decoder",
    norm: Norm | readonly Norm[],
    act: string | readonly string[],
  ): Stage[] => {
    const channels = file[`${half}_block_out_channels`];
    const layers = file[`${half}_layers_per_block`];
    const multiscales = file[`${half}_qkv_multiscales`];
    const types = file[`${half}_block_types`];
    const each = <T>(values: T | readonly T[], index: number): T | undefined =>
      Array.isArray(values) ? (values as readonly T[])[index] : (values as T);
    const lists = {
      layers_per_block: layers,
      qkv_multiscales: multiscales,
      block_types: types,
      norm_types: norm,
      act_fns: act,
    };
    for (const [key, list] of Object.entries(lists)) {
      if (Array.isArray(list) && list.length !== channels.length)
        throw refuse(`${half}_${key} has ${list.length} entries for ${channels.length} stages`);
    }
    return channels.map((width, index) => {
      const stage: Stage = {
        block: each(types, index)!,
        channels: width,
        layers: layers[index]!,
        multiscales: multiscales[index]!,
        norm: each(norm, index)!,
        activation: (each(act, index) === "swish" ? "silu" : each(act, index)) as Activation,
      };
      if (stage.layers === 0 && index > 0) throw refuse(`stage ${index} of the ${half} has no layers`);
      if (stage.block === "EfficientViTBlock") {
        if (stage.norm !== "rms_norm") throw refuse(`EfficientViT blocks with ${stage.norm} are not supported`);
        if (width % file.attention_head_dim !== 0)
          throw refuse(`${width} channels do not divide into heads of ${file.attention_head_dim}`);
      }
      return stage;
    });
  };

  const encoder = stages("encoder", "rms_norm", "silu");
  const decoder = stages("decoder", file.decoder_norm_types, file.decoder_act_fns);
  if (encoder.length !== decoder.length)
    throw refuse(`the encoder has ${encoder.length} stages, the decoder ${decoder.length}`);
  for (const half of [encoder, decoder]) {
    if (half.at(-1)!.channels % file.latent_channels !== 0)
      throw refuse(`${half.at(-1)!.channels} channels are no multiple of the ${file.latent_channels} latent channels`);
  }
  return {
    latentChannels: file.latent_channels,
    headDim: file.attention_head_dim,
    encoder,
    decoder,
    upsample: file.upsample_block_type,
    downsample: file.downsample_block_type === "pixel_unshuffle" ? "pixel_unshuffle" : "conv",
    scalingFactor: file.scaling_factor,
  };
}

/** Image pixels per latent position, in each direction. */
export function downsampleOf({ encoder }: AutoencoderDcConfig): number {
  return 2 ** (encoder.length - 1);
}
