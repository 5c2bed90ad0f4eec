/** Shapes (NHWC), strides, dilations and padding of a convolution, for its gradients. */
import { backend_util } from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";

type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4];

export interface ConvolutionAttributes {
  readonly strides: [number, number] | number;
  readonly pad: Padding;
  readonly dilations?: [number, number] | number | null;
  readonly dataFormat?: "NHWC" | "NCHW";
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

export type Geometry = ReturnType<typeof backend_util.computeConv2DInfo>;

export function geometryOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations, dataFormat, dimRoundingMode }: ConvolutionAttributes,
  depthwise: boolean,
): Geometry {
  if (dataFormat === "NCHW") {
    throw new RevqError("wasm-data-format", "The wasm engine's convolutions take NHWC tensors, not NCHW.", {
      fix: "Transpose to NHWC, or use another engine.",
    });
  }
  return backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    "channelsLast",
  );
}

/** True for a convolution that is a matrix product: 1x1, no stride, no padding. */
export function isPointwise(g: Geometry): boolean {
  const { top, bottom, left, right } = g.padInfo;
  const unpadded = top === 0 && bottom === 0 && left === 0 && right === 0;
  return g.filterHeight === 1 && g.filterWidth === 1 && g.strideHeight === 1 && g.strideWidth === 1 && unpadded;
}
