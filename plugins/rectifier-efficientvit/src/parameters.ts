/**
 * The parameters of the network: one table of names, shapes and initial values. Names, shapes and
 * layouts are those of the `state_dict` of the authors' rectifier (diffusers' `AutoencoderDC`
 * decoder), so weights need no conversion. The layers of `@revq/plugin-kit` read these layouts.
 */
import type { LatentShape } from "@revq/core";
import type { ParameterShape } from "@revq/plugin-kit";
import { resolveSizes, type EfficientVitOptions, type EfficientVitSizes } from "./options.js";

/** Side of the aggregation branch's depthwise kernel. */
const aggregationKernel = 5;

/**
 * Every parameter, in PyTorch's order, which is the order of `Rectifier.variables`. Shapes are in
 * PyTorch's layout: linear [out, in], convolution [out, in / groups, kh, kw]. With `outputSkip` the
 * last convolution starts at zero.
 */
export function parameterTable(sizes: EfficientVitSizes): ParameterShape[] {
  const { latentChannels, channels, layers, headDim, hidden, outputSkip } = sizes;
  const table: ParameterShape[] = [];
  const weight = (name: string, out: number, perGroup: number, ...kernel: number[]): ParameterShape["start"] => {
    const start =
      outputSkip && name === "conv_out" ? 0 : { fanIn: kernel.reduce((product, size) => product * size, perGroup) };
    table.push({ name: `${name}.weight`, shape: [out, perGroup, ...kernel], start });
    return start;
  };
  const weightAndBias = (name: string, out: number, perGroup: number, ...kernel: number[]): void => {
    table.push({ name: `${name}.bias`, shape: [out], start: weight(name, out, perGroup, ...kernel) });
  };
  const norm = (name: string): void => {
    table.push({ name: `${name}.weight`, shape: [channels], start: 1 });
    table.push({ name: `${name}.bias`, shape: [channels], start: 0 });
  };

  weightAndBias("conv_in", channels, latentChannels, 3, 3);
  for (let layer = 0; layer < layers; layer++) {
    const attention = `${blockPrefix(layer)}.attn`;
    for (const part of ["to_q", "to_k", "to_v"]) weight(`${attention}.${part}`, channels, channels);
    weight(`${attention}.to_qkv_multiscale.0.proj_in`, 3 * channels, 1, aggregationKernel, aggregationKernel);
    weight(`${attention}.to_qkv_multiscale.0.proj_out`, 3 * channels, headDim, 1, 1);
    weight(`${attention}.to_out`, channels, 2 * channels);
    norm(`${attention}.norm_out`);
    const gated = `${blockPrefix(layer)}.conv_out`;
    weightAndBias(`${gated}.conv_inverted`, 2 * hidden, channels, 1, 1);
    weightAndBias(`${gated}.conv_depth`, 2 * hidden, 1, 3, 3);
    weight(`${gated}.conv_point`, channels, hidden, 1, 1);
    norm(`${gated}.norm`);
  }
  norm("norm_out");
  weightAndBias("conv_out", latentChannels, channels, 3, 3);
  return table;
}

/** The network has one stage, so the stage number in PyTorch's names is always 0. */
export function blockPrefix(layer: number): string {
  return `up_blocks.0.${layer}`;
}

/** The number of parameters. Allocates nothing. Throws `rectifier-channels`. */
export function parameterCount(options: EfficientVitOptions, latentShape: LatentShape): number {
  return parameterTable(resolveSizes(options, latentShape)).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
