/**
 * The parameters of the network: one table of names and shapes. They are PyTorch's: names, shapes and layouts are those of the
 * `state_dict` of the authors' rectifier (diffusers' `AutoencoderDC` decoder), so weights go in and out without a conversion.
 * The layers (`@revq/plugin-kit`) read these layouts.
 */
import type { LatentShape, Random } from "@revq/core";
import { resolveSizes, type EfficientVitOptions, type EfficientVitSizes } from "./options.js";

export interface ParameterSpec {
  /** Name in `state()` and in PyTorch's `state_dict`. */
  readonly name: string;
  /** PyTorch's layout: linear [out, in], convolution [out, in / groups, kh, kw], vectors [C]. */
  readonly shape: readonly number[];
  /** Inputs that one output sums over; 0 for a norm's weight and bias, which start at 1 and 0. */
  readonly fanIn: number;
}

/** Side of the aggregation branch's depthwise kernel. */
const aggregationKernel = 5;

/** Every parameter, in PyTorch's order. This is the order of `Rectifier.variables` and of an optimiser's moments. */
export function parameterTable(sizes: EfficientVitSizes): ParameterSpec[] {
  const { latentChannels, channels, layers, headDim, hidden } = sizes;
  const table: ParameterSpec[] = [];
  const weight = (name: string, out: number, perGroup: number, ...kernel: number[]): number => {
    const fanIn = kernel.reduce((product, size) => product * size, perGroup);
    table.push({ name: `${name}.weight`, shape: [out, perGroup, ...kernel], fanIn });
    return fanIn;
  };
  const weightAndBias = (name: string, out: number, perGroup: number, ...kernel: number[]): void => {
    table.push({ name: `${name}.bias`, shape: [out], fanIn: weight(name, out, perGroup, ...kernel) });
  };
  const norm = (name: string): void => {
    table.push({ name: `${name}.weight`, shape: [channels], fanIn: 0 });
    table.push({ name: `${name}.bias`, shape: [channels], fanIn: 0 });
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

/** The network has one stage, so PyTorch's names carry a constant stage number. */
export function blockPrefix(layer: number): string {
  return `up_blocks.0.${layer}`;
}

/**
 * The documented table of names: name in `state()` -> name in PyTorch's `state_dict`. They are the same on purpose; code that
 * imports or exports checkpoints goes through this function and `parameterTable`, not through its own list.
 */
export function torchNames(options: EfficientVitOptions, latentShape: LatentShape): Record<string, string> {
  return Object.fromEntries(parameterTable(resolveSizes(options, latentShape)).map(({ name }) => [name, name]));
}

/** How many numbers the network learns; nothing is allocated. */
export function parameterCount(options: EfficientVitOptions, latentShape: LatentShape): number {
  return parameterTable(resolveSizes(options, latentShape)).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/**
 * PyTorch's default initial values: U(-b, b) with b = 1 / sqrt(fan in) for weights and biases of linear and convolution
 * layers (Kaiming uniform with a = sqrt(5)); 1 and 0 for norms. With `outputSkip` the last convolution is zero instead.
 * Every parameter draws from a fork of its own, so its values do not depend on the others' sizes.
 */
export function initialValues(parameter: ParameterSpec, sizes: EfficientVitSizes, random: Random): Float32Array {
  const values = new Float32Array(elementCount(parameter.shape));
  if (parameter.fanIn === 0) return values.fill(parameter.name.endsWith(".weight") ? 1 : 0);
  if (sizes.outputSkip && isLastConvolution(parameter.name)) return values;
  const draw = random.fork(parameter.name);
  const bound = 1 / Math.sqrt(parameter.fanIn);
  for (let i = 0; i < values.length; i++) values[i] = (2 * draw.uniform() - 1) * bound;
  return values;
}

function isLastConvolution(name: string): boolean {
  return name === "conv_out.weight" || name === "conv_out.bias";
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
