/**
 * The same networks in diffusers' form: an `AutoencoderTiny`, config.json beside one file of
 * weights.
 */
import { RevqError } from "@revq/core";
import type { ModelFolder } from "@revq/formats";
import { z } from "zod";
import { defaultVariant, variants, variantNames, type Half, type VariantName } from "./architecture.js";

/** Networks of the published shape. Other values of the config are refused. */
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

/**
 * The variant of an `AutoencoderTiny`. Variants with the same channels differ in their weights
 * alone. Among them it is the wanted one, or the one that the place is named after, or the first.
 * @param spec the place, as the user wrote it
 * @throws RevqError `tae-config`, `tae-variant`
 */
export function variantOf(model: ModelFolder, wanted: VariantName | undefined, spec: string): VariantName {
  const channels = latentChannelsOf(model, wanted ?? defaultVariant, spec);
  const fitting = variantNames.filter((name) => name !== "taesana" && variants[name].latentChannels === channels);
  const words: readonly string[] = spec.toLowerCase().match(/tae[a-z0-9]+/g) ?? [];
  const found = wanted
    ? fitting.find((name) => name === wanted)
    : (fitting.find((name) => words.includes(name)) ?? fitting[0]);
  if (found) return found;
  const expected = wanted ? `${wanted} has ${variants[wanted].latentChannels}` : "known numbers are 4, 16 and 32";
  const [first] = fitting;
  throw new RevqError("tae-variant", `${spec} is an autoencoder with ${channels} latent channels; ${expected}.`, {
    fix: first ? `Use the variant ${fitting.join(" or ")}.` : "Use another autoencoder of the TAESD family.",
    ...(first ? { setting: { path: "backbone.variant", value: first } } : {}),
  });
}

/**
 * As config.json states them; without that file, as the shape of the encoder's last convolution
 * does.
 */
function latentChannelsOf({ config, weights }: ModelFolder, otherwise: VariantName, spec: string): number {
  if (!config) return weights.tensors.get("encoder.layers.14.weight")?.shape[0] ?? variants[otherwise].latentChannels;
  const parsed = fileSchema.safeParse(config.json);
  if (parsed.success) return parsed.data.latent_channels;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "value"}: ${issue.message}`);
  throw new RevqError("tae-config", `${spec}/${config.name} is not a known AutoencoderTiny: ${problems.join("; ")}.`, {
    fix: "Use hf:madebyollin/taesd, taesdxl, taesd3 or taef1, or a folder like theirs.",
    setting: { path: "backbone.weights" },
  });
}

/**
 * The authors' key of a half -> diffusers' key. In diffusers' decoder the first layer of the
 * authors' is not part of `layers`, so positions there are one less.
 */
export function diffusersName(half: Half, key: string): string {
  const [position, ...rest] = key.split(".");
  return [half, "layers", half === "decoder" ? Number(position) - 1 : position, ...rest].join(".");
}
