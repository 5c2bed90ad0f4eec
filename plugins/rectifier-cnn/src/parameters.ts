/** The parameters of the network: names, shapes (PyTorch's layout) and initial values. */
import type { LatentShape } from "@revq/core";
import type { ParameterShape } from "@revq/plugin-kit";
import type { CnnOptions } from "./options.js";

export function parameterTable(
  { channels, layers, outputSkip }: CnnOptions,
  { channels: latentChannels }: LatentShape,
): ParameterShape[] {
  const table: ParameterShape[] = [];
  const conv = (name: string, out: number, inputs: number, zero = false): void => {
    const start = zero ? 0 : { fanIn: inputs * 9 };
    table.push(
      { name: `${name}.weight`, shape: [out, inputs, 3, 3], start },
      { name: `${name}.bias`, shape: [out], start },
    );
  };
  const norm = (name: string): void => {
    table.push(
      { name: `${name}.weight`, shape: [channels], start: 1 },
      { name: `${name}.bias`, shape: [channels], start: 0 },
    );
  };
  conv("conv_in", channels, latentChannels);
  for (let layer = 0; layer < layers; layer++) {
    norm(`blocks.${layer}.norm`);
    conv(`blocks.${layer}.conv1`, channels, channels);
    conv(`blocks.${layer}.conv2`, channels, channels);
  }
  norm("norm_out");
  conv("conv_out", latentChannels, channels, outputSkip);
  return table;
}

/** The number of parameters. Allocates nothing. */
export function parameterCount(options: CnnOptions, latentShape: LatentShape): number {
  return parameterTable(options, latentShape).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
