/** The backbone `sd-vae` as lists of layers. Names and shapes of the tensors tell the architecture. */
import { RevqError, type NamedArrays } from "@revq/core";
import { convolutionOf, describeNetwork, shapeOf, type LayerWithTensors } from "./network.js";
import type { DescribedPart } from "./python-part.js";
import type { VaeHalf } from "./vae-half.js";

/** diffusers' default of `norm_num_groups`. */
const defaultGroups = 32;

export function describeKl({ half, options, state, imageSize }: VaeHalf): DescribedPart {
  refuseOptions(options, imageSize);
  const config = options["config"] as { readonly norm_num_groups?: number };
  const layers = layersOf(state, config.norm_num_groups ?? defaultGroups);
  return describeNetwork(layers[half](), state, ["vae_kl"]);
}

function layersOf(state: NamedArrays, groups: number) {
  const has = (name: string): boolean => `${name}.weight` in state;
  const conv = (name: string): LayerWithTensors => convolutionOf(state, name);
  const channelsOf = (name: string): number => shapeOf(state, `${name}.weight`)[0]!;
  const residual = (from: string): LayerWithTensors => {
    const [outputs, inputs] = shapeOf(state, `${from}.conv1.weight`);
    return { layer: { class: "KlResidual", inputs, outputs, groups }, from };
  };
  const residuals = (from: string): LayerWithTensors[] => {
    const found: LayerWithTensors[] = [];
    while (has(`${from}.resnets.${found.length}.conv1`)) found.push(residual(`${from}.resnets.${found.length}`));
    return found;
  };
  const resample = (className: string, from: string): LayerWithTensors[] =>
    has(`${from}.conv`) ? [{ layer: { class: className, channels: channelsOf(`${from}.conv`) }, from }] : [];
  const blocks = (from: string, className: string, sampler: string): LayerWithTensors[] => {
    const found: LayerWithTensors[] = [];
    for (let block = 0; has(`${from}.${block}.resnets.0.conv1`); block++) {
      const name = `${from}.${block}`;
      found.push(...residuals(name), ...resample(className, `${name}.${sampler}.0`));
    }
    return found;
  };
  const attention = (from: string): LayerWithTensors[] =>
    has(`${from}.to_q`)
      ? [{ layer: { class: "KlAttention", channels: channelsOf(`${from}.to_q`), groups }, from }]
      : [];
  const middle = (from: string): LayerWithTensors[] => [
    residual(`${from}.resnets.0`),
    ...attention(`${from}.attentions.0`),
    residual(`${from}.resnets.1`),
  ];
  const norm = (from: string): LayerWithTensors => ({
    layer: { class: "KlNorm", groups, channels: channelsOf(from) },
    from,
  });
  return {
    encoder: (): LayerWithTensors[] => [
      conv("encoder.conv_in"),
      ...blocks("encoder.down_blocks", "KlHalve", "downsamplers"),
      ...middle("encoder.mid_block"),
      norm("encoder.conv_norm_out"),
      conv("encoder.conv_out"),
      ...(has("quant_conv") ? [conv("quant_conv")] : []),
      { layer: { class: "KlMean" } },
    ],
    decoder: (): LayerWithTensors[] => [
      ...(has("post_quant_conv") ? [conv("post_quant_conv")] : []),
      conv("decoder.conv_in"),
      ...middle("decoder.mid_block"),
      ...blocks("decoder.up_blocks", "KlDouble", "upsamplers"),
      norm("decoder.conv_norm_out"),
      conv("decoder.conv_out"),
    ],
  };
}

function refuseOptions({ sample, tile }: Readonly<Record<string, unknown>>, imageSize: number): void {
  const what =
    sample === true
      ? "takes samples of the posterior, whose random numbers are revq's own"
      : typeof tile === "number" && tile > 0 && imageSize > tile
        ? `cuts images into tiles of ${tile} pixels`
        : null;
  if (what === null) return;
  throw new RevqError("export-pytorch", `The backbone of this tokenizer ${what}. The Python code does not do that.`, {
    fix: "Use revq itself, or train a tokenizer without that option.",
  });
}
