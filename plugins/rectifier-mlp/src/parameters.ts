/** The parameters of the network: names, shapes (PyTorch's layout) and initial values. */
import type { LatentShape } from "@revq/core";
import type { ParameterShape } from "@revq/plugin-kit";
import type { MlpOptions } from "./options.js";

export function parameterTable(options: MlpOptions, shape: LatentShape): ParameterShape[] {
  const { channels, layers, expandRatio, positionHidden, outputSkip } = options;
  const positions = shape.height * shape.width;
  const table: ParameterShape[] = [];
  const product = (name: string, out: number, inputs: number, zero = false): void => {
    const start = zero ? 0 : { fanIn: inputs };
    table.push({ name: `${name}.weight`, shape: [out, inputs], start }, { name: `${name}.bias`, shape: [out], start });
  };
  const norm = (name: string): void => {
    table.push(
      { name: `${name}.weight`, shape: [channels], start: 1 },
      { name: `${name}.bias`, shape: [channels], start: 0 },
    );
  };
  product("linear_in", channels, shape.channels);
  for (let layer = 0; layer < layers; layer++) {
    norm(`layers.${layer}.position_norm`);
    product(`layers.${layer}.position_up`, positionHidden, positions);
    product(`layers.${layer}.position_down`, positions, positionHidden);
    norm(`layers.${layer}.channel_norm`);
    product(`layers.${layer}.channel_up`, expandRatio * channels, channels);
    product(`layers.${layer}.channel_down`, channels, expandRatio * channels);
  }
  norm("norm_out");
  product("linear_out", shape.channels, channels, outputSkip);
  return table;
}

/** The number of parameters. Allocates nothing. */
export function parameterCount(options: MlpOptions, latentShape: LatentShape): number {
  return parameterTable(options, latentShape).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
