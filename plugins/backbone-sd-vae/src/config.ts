/**
 * The part of an AutoencoderKL's `config.json` (diffusers) that shapes the network. Unsupported
 * values are refused by name.
 */
import { RevqError, type LatentScaling } from "@revq/core";
import { z } from "zod";

/** Where an inferred configuration names its guesses. */
export const guessedFields = "_guessed";

const fileSchema = z.looseObject({
  _class_name: z.string().optional(),
  in_channels: z.int().positive().default(3),
  out_channels: z.int().positive().default(3),
  down_block_types: z.array(z.string()).optional(),
  up_block_types: z.array(z.string()).optional(),
  block_out_channels: z.array(z.int().positive()).min(1),
  decoder_block_out_channels: z.array(z.int().positive()).nullish(),
  layers_per_block: z.int().positive().default(1),
  act_fn: z.string().default("silu"),
  latent_channels: z.int().positive().default(4),
  norm_num_groups: z.int().positive().default(32),
  sample_size: z.int().positive().default(32),
  scaling_factor: z.number().default(0.18215),
  shift_factor: z.number().nullish(),
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  mid_block_add_attention: z.boolean().default(true),
  /** Not of diffusers: the fields that were guessed, for a model without a config.json. */
  [guessedFields]: z.array(z.string()).optional(),
});

/** FLUX.2's VAE is the same network; the statistics beside it (`bn`) are for its diffusion model. */
const classNames: readonly string[] = ["AutoencoderKL", "AutoencoderKLFlux2"];

export interface AutoencoderKlConfig {
  /**
   * Channels at each resolution, the image's own first. The image is halved between two of them.
   */
  readonly blockOutChannels: readonly number[];
  /** Residual blocks per resolution in the encoder; the decoder has one more. */
  readonly layersPerBlock: number;
  readonly latentChannels: number;
  readonly normGroups: number;
  readonly quantConv: boolean;
  readonly postQuantConv: boolean;
  readonly midAttention: boolean;
  /**
   * Diffusion models see (latent - shift) * scale. This backbone applies neither. Undefined where
   * the factors are a guess, null for FLUX.2: its statistics are those of its batch norm.
   */
  readonly scaling: LatentScaling | null | undefined;
  /** Side in pixels of the training images. */
  readonly sampleSize: number;
}

/**
 * @param json the parsed file
 * @param name for messages
 * @throws RevqError `sd-vae-config`
 */
export function parseConfig(json: unknown, name: string): AutoencoderKlConfig {
  const refuse = (problem: string): RevqError =>
    new RevqError("sd-vae-config", `${name} is not a supported configuration of an AutoencoderKL: ${problem}.`, {
      fix: "Name the VAE's own folder (vae/ in a diffusers pipeline), with config.json beside the weights.",
      setting: { path: "backbone.weights" },
    });
  const className = (json as { _class_name?: unknown } | null)?._class_name;
  if (typeof className === "string" && !classNames.includes(className)) throw otherClass(name, className);
  const parsed = fileSchema.safeParse(withoutNulls(json));
  if (!parsed.success) {
    throw refuse(parsed.error.issues.map((issue) => `${issue.path.join(".") || "value"}: ${issue.message}`).join("; "));
  }
  const file = parsed.data;
  const otherBlock = [...(file.down_block_types ?? []), ...(file.up_block_types ?? [])].find(
    (type) => type !== "DownEncoderBlock2D" && type !== "UpDecoderBlock2D",
  );
  if (otherBlock !== undefined) throw refuse(`blocks of type ${otherBlock} are not supported`);
  if (file.act_fn !== "silu" && file.act_fn !== "swish") throw refuse(`activation ${file.act_fn} is not supported`);
  if (file.in_channels !== 3 || file.out_channels !== 3) throw refuse("its images do not have 3 channels");
  const { decoder_block_out_channels: decoderChannels } = file;
  if (decoderChannels && decoderChannels.join() !== file.block_out_channels.join())
    throw refuse("a decoder with other channels than the encoder's is not supported");
  const uneven = file.block_out_channels.find((channels) => channels % file.norm_num_groups !== 0);
  if (uneven !== undefined) throw refuse(`${uneven} channels do not divide into ${file.norm_num_groups} groups`);
  return {
    blockOutChannels: file.block_out_channels,
    layersPerBlock: file.layers_per_block,
    latentChannels: file.latent_channels,
    normGroups: file.norm_num_groups,
    quantConv: file.use_quant_conv,
    postQuantConv: file.use_post_quant_conv,
    midAttention: file.mid_block_add_attention,
    scaling: scalingOf(file),
    sampleSize: file.sample_size,
  };
}

/** Diffusers writes null for what is not set. */
function withoutNulls(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

/** Of another model: an autoencoder that no backbone reads, or a part of a pipeline that is no VAE. */
function otherClass(name: string, className: string): RevqError {
  const isAutoencoder = /autoencoder|vq|vae/i.test(className);
  const what = `it describes ${className}${isAutoencoder ? "" : ", which is not a VAE"}`;
  return new RevqError("sd-vae-config", `${name} is not a supported configuration of an AutoencoderKL: ${what}.`, {
    fix: isAutoencoder
      ? "Other backbones read AutoencoderTiny (tae) and AutoencoderDC (dc-ae). Any image VAE can be exported to ONNX, for the backbone onnx."
      : "Name the VAE's own folder (vae/ in a diffusers pipeline), with config.json beside the weights.",
    setting: { path: "backbone.weights" },
  });
}

function scalingOf(file: z.output<typeof fileSchema>): LatentScaling | null | undefined {
  if (file._class_name === "AutoencoderKLFlux2") return null;
  if (file[guessedFields]?.includes("scaling_factor")) return undefined;
  return { scale: file.scaling_factor, shift: file.shift_factor ?? 0, applied: false };
}

/** Image pixels per latent position, in each direction. */
export function downsampleOf({ blockOutChannels }: AutoencoderKlConfig): number {
  return 2 ** (blockOutChannels.length - 1);
}
