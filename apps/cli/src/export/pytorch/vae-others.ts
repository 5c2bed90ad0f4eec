/** The backbones `dc-ae`, `tae` and `linear` as lists of layers. */
import { readArchitecture, type Layer as DcLayer } from "@revq/backbone-dc-ae/architecture";
import { variants, type Layer as TinyLayer, type VariantName } from "@revq/backbone-tae/architecture";
import { affine, describeNetwork, type LayerWithTensors } from "./network.js";
import type { DescribedPart, PythonPart } from "./python-part.js";
import type { VaeHalf } from "./vae-half.js";

export function describeDc({ half, options, state }: VaeHalf): DescribedPart {
  const layers = readArchitecture(options["config"])[half];
  return describeNetwork(
    layers.map((layer) => ({ layer: dcLayer(layer), from: layer.name })),
    state,
    ["vae_dc"],
  );
}

function dcLayer(layer: DcLayer): PythonPart {
  switch (layer.kind) {
    case "conv":
      return { class: "Convolution", inputs: layer.from, outputs: layer.to };
    case "toLatent":
      return { class: "DcToLatent", inputs: layer.from, outputs: layer.to };
    case "fromLatent":
      return { class: "DcFromLatent", inputs: layer.from, outputs: layer.to };
    case "down":
      return {
        class: "DcHalve",
        inputs: layer.from,
        outputs: layer.to,
        unshuffle: layer.unshuffle,
        shortcut: layer.shortcut,
      };
    case "up":
      return {
        class: "DcDouble",
        inputs: layer.from,
        outputs: layer.to,
        shuffle: layer.shuffle,
        shortcut: layer.shortcut,
      };
    case "residual":
      return { class: "DcResidual", channels: layer.channels, norm: layer.norm, activation: layer.activation };
    case "transformer":
      return { class: "DcTransformer", channels: layer.channels, head: layer.headDim, sides: layer.multiscales };
    case "normRelu":
      return { class: "DcNormRelu", channels: layer.channels };
  }
}

/** The networks see images in [0, 1]. */
export function describeTiny({ half, options, state }: VaeHalf): DescribedPart {
  const layers = (variants[variantOf(options)][half] ?? []).map((layer, position): LayerWithTensors => ({
    layer: tinyLayer(layer),
    from: `${half}.${position}`,
  }));
  const whole = half === "encoder" ? [affine(0.5, 0.5), ...layers] : [...layers, affine(2, -1)];
  return describeNetwork(whole, state, ["vae_tiny"]);
}

export function variantOf(options: Readonly<Record<string, unknown>>): VariantName {
  return (options["variant"] as VariantName | undefined) ?? "taesd";
}

function tinyLayer(layer: TinyLayer): PythonPart {
  switch (layer.kind) {
    case "conv": {
      const { inputs, outputs, stride, bias } = layer;
      return { class: "Convolution", inputs, outputs, stride, bias };
    }
    case "block":
      return { class: "TinyBlock", channels: layer.channels, pool: layer.pool };
    case "clamp":
      return { class: "TinyClamp" };
    case "relu":
      return { class: "Relu" };
    case "upsample":
      return { class: "DoubleSize" };
  }
}

export function describeLinear({ half, options, state }: VaeHalf): DescribedPart {
  const [patch, channels] = [options["patch"], options["channels"]];
  const layer = { class: half === "encoder" ? "PatchEncoder" : "PatchDecoder", patch, channels };
  return describeNetwork([{ layer, from: "" }], state, ["vae_linear"]);
}
