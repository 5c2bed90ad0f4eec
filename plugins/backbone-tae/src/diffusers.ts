/** The same networks as diffusers keeps them: an `AutoencoderTiny`, config.json beside one file of weights. */
import { RevqError } from "@revq/core";
import { z } from "zod";
import { variants, variantNames, type VariantName } from "./architecture.js";
import type { Half } from "./find-weights.js";

/** Only networks of the published shape are known: what the config may say otherwise is refused. */
const fileSchema = z.looseObject({
  _class_name: z.literal("AutoencoderTiny").default("AutoencoderTiny"),
  in_channels: z.literal(3).default(3),
  out_channels: z.literal(3).default(3),
  act_fn: z.literal("relu").default("relu"),
  upsample_fn: z.literal("nearest").default("nearest"),
  upsampling_scaling_factor: z.literal(2).default(2),
  latent_channels: z.int().positive().default(4),
  encoder_block_out_channels: listOf(64, 64, 64, 64),
  decoder_block_out_channels: listOf(64, 64, 64, 64),
  num_encoder_blocks: listOf(1, 3, 3, 3),
  num_decoder_blocks: listOf(3, 3, 3, 1),
});

function listOf(...values: number[]) {
  return z
    .array(z.number())
    .refine((list) => list.join() === values.join(), `only [${values}] is known`)
    .default(values);
}

/** Latent channels of an `AutoencoderTiny`. @param json its config.json @param name for messages. Throws `tae-config`. */
export function latentChannelsOf(json: unknown, name: string): number {
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data.latent_channels;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "value"}: ${issue.message}`);
  throw new RevqError("tae-config", `${name} is not an AutoencoderTiny that revq knows: ${problems.join("; ")}.`, {
    fix: "Use hf:madebyollin/taesd, taesdxl, taesd3 or taef1, or a folder like theirs.",
  });
}

/**
 * Networks with the same channels differ in their weights alone, so the name is what the place is called, or else the first that fits.
 * Throws `tae-variant` when the wanted one, or any, does not have these channels.
 */
export function variantWith(latentChannels: number, wanted: VariantName | undefined, spec: string): VariantName {
  const fitting = variantNames.filter((name) => name !== "taesana" && variants[name].latentChannels === latentChannels);
  const words: readonly string[] = spec.toLowerCase().match(/tae[a-z0-9]+/g) ?? [];
  const found = wanted
    ? fitting.find((name) => name === wanted)
    : (fitting.find((name) => words.includes(name)) ?? fitting[0]);
  if (found) return found;
  const expected = wanted ? `${wanted} has ${variants[wanted].latentChannels}` : "revq knows 4, 16 and 32";
  throw new RevqError("tae-variant", `${spec} is an autoencoder with ${latentChannels} latent channels; ${expected}.`, {
    fix: fitting.length
      ? `Leave --set backbone.variant out, or say ${fitting.join(" or ")}.`
      : "Use another autoencoder of the TAESD family.",
  });
}

/** The authors' key of a half -> diffusers': its decoder squashes latents outside of `layers`, so positions there are one less. */
export function diffusersName(half: Half, key: string): string {
  const [position, ...rest] = key.split(".");
  return [half, "layers", half === "decoder" ? Number(position) - 1 : position, ...rest].join(".");
}
