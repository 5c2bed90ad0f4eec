/**
 * The ImageNet classifiers of LPIPS as data: layers in order, with the taps of their activations.
 * Sources: torchvision's `squeezenet1_1`, `alexnet`, `vgg16` (`features.*`), and LPIPS for the taps
 * (github.com/richzhang/PerceptualSimilarity, lpips/pretrained_networks.py). Names and shapes are
 * those of torchvision's files.
 */
import { lpipsMinSides } from "./lpips-networks.js";

/** Every convolution is followed by a ReLU. */
export type FeatureLayer =
  | {
      readonly kind: "conv";
      /** Key without `.weight` and `.bias`. */
      readonly name: string;
      readonly input: number;
      readonly output: number;
      readonly kernel: number;
      readonly stride: number;
      readonly padding: number;
    }
  /** Maximum of windows. `ceil`: includes a last, incomplete window. */
  | { readonly kind: "pool"; readonly size: 2 | 3; readonly ceil: boolean }
  /**
   * SqueezeNet's block: 1x1 to `squeeze` channels, then 1x1 and 3x3 in parallel to `expand` each.
   */
  | {
      readonly kind: "fire";
      readonly name: string;
      readonly input: number;
      readonly squeeze: number;
      readonly expand: number;
    }
  /** The activations here are an output. */
  | { readonly kind: "tap"; readonly channels: number };

export interface FeatureNetwork {
  readonly layers: readonly FeatureLayer[];
  /** Minimum side of an image in pixels, so that the last tap is not empty. */
  readonly minSide: number;
}

const tap = (channels: number): FeatureLayer => ({ kind: "tap", channels });
const conv = (position: number, input: number, output: number, kernel = 3, stride = 1, padding = 1): FeatureLayer => ({
  kind: "conv",
  name: `features.${position}`,
  input,
  output,
  kernel,
  stride,
  padding,
});
const fire = (position: number, input: number, squeeze: number, expand: number): FeatureLayer => ({
  kind: "fire",
  name: `features.${position}`,
  input,
  squeeze,
  expand,
});

const ceilPool: FeatureLayer = { kind: "pool", size: 3, ceil: true };
const overlappingPool: FeatureLayer = { kind: "pool", size: 3, ceil: false };
const halve: FeatureLayer = { kind: "pool", size: 2, ceil: false };

/** Iandola et al.: SqueezeNet, arXiv 1602.07360; version 1.1. */
export const squeezenet: FeatureNetwork = {
  minSide: lpipsMinSides.squeeze,
  layers: [
    conv(0, 3, 64, 3, 2, 0),
    tap(64),
    ceilPool,
    fire(3, 64, 16, 64),
    fire(4, 128, 16, 64),
    tap(128),
    ceilPool,
    fire(6, 128, 32, 128),
    fire(7, 256, 32, 128),
    tap(256),
    ceilPool,
    fire(9, 256, 48, 192),
    tap(384),
    fire(10, 384, 48, 192),
    tap(384),
    fire(11, 384, 64, 256),
    tap(512),
    fire(12, 512, 64, 256),
    tap(512),
  ],
};

/** Krizhevsky: One weird trick for parallelizing convolutional neural networks, arXiv 1404.5997. */
export const alexnet: FeatureNetwork = {
  minSide: lpipsMinSides.alex,
  layers: [
    conv(0, 3, 64, 11, 4, 2),
    tap(64),
    overlappingPool,
    conv(3, 64, 192, 5, 1, 2),
    tap(192),
    overlappingPool,
    conv(6, 192, 384),
    tap(384),
    conv(8, 384, 256),
    tap(256),
    conv(10, 256, 256),
    tap(256),
  ],
};

/** Simonyan, Zisserman: Very deep convolutional networks, arXiv 1409.1556; configuration D. */
export const vgg16: FeatureNetwork = {
  minSide: lpipsMinSides.vgg,
  layers: [
    conv(0, 3, 64),
    conv(2, 64, 64),
    tap(64),
    halve,
    conv(5, 64, 128),
    conv(7, 128, 128),
    tap(128),
    halve,
    conv(10, 128, 256),
    conv(12, 256, 256),
    conv(14, 256, 256),
    tap(256),
    halve,
    conv(17, 256, 512),
    conv(19, 512, 512),
    conv(21, 512, 512),
    tap(512),
    halve,
    conv(24, 512, 512),
    conv(26, 512, 512),
    conv(28, 512, 512),
    tap(512),
  ],
};

/** Names and shapes of the layers' tensors, in PyTorch's layout `[out, in, y, x]`. */
export function featureTensors({ layers }: FeatureNetwork): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const add = (name: string, output: number, input: number, kernel: number): void => {
    shapes.set(`${name}.weight`, [output, input, kernel, kernel]);
    shapes.set(`${name}.bias`, [output]);
  };
  for (const layer of layers) {
    if (layer.kind === "conv") add(layer.name, layer.output, layer.input, layer.kernel);
    if (layer.kind === "fire") {
      add(`${layer.name}.squeeze`, layer.squeeze, layer.input, 1);
      add(`${layer.name}.expand1x1`, layer.expand, layer.squeeze, 1);
      add(`${layer.name}.expand3x3`, layer.expand, layer.squeeze, 3);
    }
  }
  return shapes;
}

/** Channels of every tap, in order. */
export function tapChannels({ layers }: FeatureNetwork): number[] {
  return layers.flatMap((layer) => (layer.kind === "tap" ? [layer.channels] : []));
}
