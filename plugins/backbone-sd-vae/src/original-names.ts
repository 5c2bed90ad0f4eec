/**
 * Names of the original latent-diffusion code and of FLUX (`encoder.down.0.block.0`,
 * `decoder.mid.attn_1.q`) -> diffusers' names. Source: `Encoder` and `Decoder` of
 * ldm/modules/diffusionmodules/model.py (CompVis/latent-diffusion, MIT).
 */

/** A layer that only the original names have: every such decoder has it. */
export const originalLayer = "decoder.mid.block_1.conv1.weight";

const plain: readonly (readonly [RegExp, string])[] = [
  [/^(encoder|decoder)\.norm_out\./, "$1.conv_norm_out."],
  [/^(encoder|decoder)\.mid\.block_([12])\./, "$1.mid_block.resnets.$2."],
  [/^(encoder|decoder)\.mid\.attn_1\.norm\./, "$1.mid_block.attentions.0.group_norm."],
  [/^(encoder|decoder)\.mid\.attn_1\.([qkv])\./, "$1.mid_block.attentions.0.to_$2."],
  [/^(encoder|decoder)\.mid\.attn_1\.proj_out\./, "$1.mid_block.attentions.0.to_out.0."],
  [/^encoder\.down\.(\d+)\.block\./, "encoder.down_blocks.$1.resnets."],
  [/^encoder\.down\.(\d+)\.downsample\.conv\./, "encoder.down_blocks.$1.downsamplers.0.conv."],
  [/^decoder\.up\.(\d+)\.block\./, "decoder.up_blocks.$1.resnets."],
  [/^decoder\.up\.(\d+)\.upsample\.conv\./, "decoder.up_blocks.$1.upsamplers.0.conv."],
];

/**
 * The original numbers the decoder's blocks from the image on, diffusers from the latent on.
 * @param names of one VAE, without a prefix
 * @returns name in the file -> diffusers' name, in the order of `names`
 */
export function diffusersNames(names: readonly string[]): Map<string, string> {
  const blocks = names.map((name) => Number(/^decoder\.up\.(\d+)\./.exec(name)?.[1] ?? -1));
  const last = blocks.reduce((most, block) => Math.max(most, block), -1);
  const renamed = (name: string): string => {
    const rule = plain.find(([pattern]) => pattern.test(name));
    const replaced = (rule ? name.replace(rule[0], rule[1]) : name).replace(".nin_shortcut.", ".conv_shortcut.");
    return replaced
      .replace(/\.mid_block\.resnets\.([12])\./, (_, block: string) => `.mid_block.resnets.${Number(block) - 1}.`)
      .replace(/^decoder\.up_blocks\.(\d+)\./, (_, block: string) => `decoder.up_blocks.${last - Number(block)}.`);
  };
  return new Map(names.map((name) => [name, renamed(name)]));
}
