/** Names and shapes of an AutoencoderKL's tensors, as current diffusers writes them. */
import type { AutoencoderKlConfig } from "./config.js";

/**
 * Shapes in PyTorch's layout: convolutions `[out, in, y, x]`, linear layers `[out, in]`. Order:
 * encoder, decoder, quantizing convolutions.
 */
export function expectedTensors(config: AutoencoderKlConfig): Map<string, readonly number[]> {
  const { blockOutChannels, layersPerBlock, latentChannels, midAttention, quantConv, postQuantConv } = config;
  const shapes = new Map<string, readonly number[]>();
  const layer = (name: string, weight: readonly number[]): void => {
    shapes.set(`${name}.weight`, weight);
    shapes.set(`${name}.bias`, [weight[0]!]);
  };
  const conv = (name: string, from: number, to: number, side = 3): void => layer(name, [to, from, side, side]);
  const norm = (name: string, channels: number): void => layer(name, [channels]);
  const resnet = (name: string, from: number, to: number): void => {
    norm(`${name}.norm1`, from);
    conv(`${name}.conv1`, from, to);
    norm(`${name}.norm2`, to);
    conv(`${name}.conv2`, to, to);
    if (from !== to) conv(`${name}.conv_shortcut`, from, to, 1);
  };
  const middle = (name: string, channels: number): void => {
    resnet(`${name}.resnets.0`, channels, channels);
    if (midAttention) {
      norm(`${name}.attentions.0.group_norm`, channels);
      for (const part of ["to_q", "to_k", "to_v", "to_out.0"])
        layer(`${name}.attentions.0.${part}`, [channels, channels]);
    }
    resnet(`${name}.resnets.1`, channels, channels);
  };

  const first = blockOutChannels[0]!;
  const last = blockOutChannels.at(-1)!;
  conv("encoder.conv_in", 3, first);
  blockOutChannels.forEach((channels, block) => {
    const name = `encoder.down_blocks.${block}`;
    for (let i = 0; i < layersPerBlock; i++) {
      resnet(`${name}.resnets.${i}`, i === 0 ? (blockOutChannels[block - 1] ?? first) : channels, channels);
    }
    if (block < blockOutChannels.length - 1) conv(`${name}.downsamplers.0.conv`, channels, channels);
  });
  middle("encoder.mid_block", last);
  norm("encoder.conv_norm_out", last);
  conv("encoder.conv_out", last, 2 * latentChannels);

  conv("decoder.conv_in", latentChannels, last);
  middle("decoder.mid_block", last);
  const upwards = [...blockOutChannels].reverse();
  upwards.forEach((channels, block) => {
    const name = `decoder.up_blocks.${block}`;
    for (let i = 0; i <= layersPerBlock; i++) {
      resnet(`${name}.resnets.${i}`, i === 0 ? (upwards[block - 1] ?? last) : channels, channels);
    }
    if (block < upwards.length - 1) conv(`${name}.upsamplers.0.conv`, channels, channels);
  });
  norm("decoder.conv_norm_out", first);
  conv("decoder.conv_out", first, 3);

  if (quantConv) conv("quant_conv", 2 * latentChannels, 2 * latentChannels, 1);
  if (postQuantConv) conv("post_quant_conv", latentChannels, latentChannels, 1);
  return shapes;
}
