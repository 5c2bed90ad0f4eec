/** The configuration of an AutoencoderKL from the shapes of its tensors, for weights without a config.json. */
import { RevqError } from "@revq/core";
import type { TensorFile } from "@revq/formats";
import { guessedFields } from "./config.js";

export interface InferredConfig {
  /** As config.json would have it. */
  readonly config: Record<string, unknown> & { readonly [guessedFields]: readonly string[] };
  /** One line that says what was read off the shapes and what is a guess. */
  readonly text: string;
}

/** Of the released models with that number of latent channels; revq does not apply them. */
const factorsOf: Readonly<Record<number, { scaling_factor: number; shift_factor?: number; of: string }>> = {
  4: { scaling_factor: 0.18215, of: "Stable Diffusion 1 and 2" },
  16: { scaling_factor: 0.3611, shift_factor: 0.1159, of: "FLUX.1" },
};

/**
 * Group norms of the released models have 32 groups for 128 channels at full resolution. Narrower
 * models are taken to have groups of as many channels.
 */
const [mostGroups, channelsPerGroup] = [32, 4];

/**
 * @param vae the tensors under diffusers' names
 * @throws RevqError `sd-vae-tensors` when tensors are missing whose shapes are needed
 */
export function inferConfig(vae: TensorFile): InferredConfig {
  const shape = (name: string): readonly number[] => {
    const found = vae.tensors.get(name);
    if (found) return found.shape;
    throw new RevqError("sd-vae-tensors", `${vae.name} has no tensor ${name}, so the VAE is not complete.`, {
      fix: "Get the file again from its source, or name the whole VAE.",
      setting: { path: "backbone.weights" },
    });
  };
  const has = (name: string): boolean => vae.tensors.has(name);
  /** Numbers from 0 on, without a hole. */
  const count = (name: (index: number) => string): number => {
    let index = 0;
    while (has(name(index))) index++;
    return index;
  };
  const kernel = (block: number, layer: number): string => `encoder.down_blocks.${block}.resnets.${layer}.conv1.weight`;
  const first = shape(kernel(0, 0))[0]!;
  const channels = Array.from(
    { length: count((block) => kernel(block, 0)) },
    (_, block) => shape(kernel(block, 0))[0]!,
  );
  const layers = count((layer) => kernel(0, layer));
  const latentChannels = shape("decoder.conv_in.weight")[1]!;
  const groups = first % channelsPerGroup === 0 ? Math.min(mostGroups, first / channelsPerGroup) : 1;
  const [quant, postQuant] = [has("quant_conv.weight"), has("post_quant_conv.weight")];
  const attention =
    has("encoder.mid_block.attentions.0.to_q.weight") || has("encoder.mid_block.attentions.0.query.weight");
  const factors = factorsOf[latentChannels];
  const { of, ...known } = factors ?? { of: "" };
  const config = {
    _class_name: "AutoencoderKL",
    in_channels: shape("encoder.conv_in.weight")[1]!,
    out_channels: shape("decoder.conv_out.weight")[0]!,
    block_out_channels: channels,
    layers_per_block: layers,
    latent_channels: latentChannels,
    norm_num_groups: Math.max(1, groups),
    sample_size: 256,
    use_quant_conv: quant,
    use_post_quant_conv: postQuant,
    mid_block_add_attention: attention,
    ...known,
    [guessedFields]: ["norm_num_groups", "scaling_factor", "shift_factor"],
  };
  const guesses = [
    `${config.norm_num_groups} groups per norm`,
    ...(factors ? [`scaling factor ${factors.scaling_factor} as in ${of} (not applied)`] : []),
  ];
  const text =
    `${vae.name} has no config.json. From its shapes: channels ${channels.join(", ")}, ${layers} residual ` +
    `blocks per resolution, ${latentChannels} latent channels, ${quant ? "with" : "without"} quantizing convolutions, ` +
    `${attention ? "with" : "without"} attention. Guessed: ${guesses.join(", ")}; the option config can correct it.`;
  return { config, text };
}
