/** Shapes of 2-D convolutions and poolings, and the orders of axes that they need. */
import { backend_util } from "@tensorflow/tfjs-core";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";

export type Geometry = backend_util.Conv2DInfo;

/** Rows and columns of zeros [top, left, bottom, right] that give the output its exact size. */
export function padsOf(info: Geometry): [number, number, number, number] {
  const { top, left, bottom, right } = info.padInfo;
  const missingRows = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - info.inHeight - top;
  const missingColumns = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - info.inWidth - left;
  return [top, left, Math.max(bottom, missingRows), Math.max(right, missingColumns)];
}

export const channelsLast = (info: Geometry): boolean => info.dataFormat === "channelsLast";

/** To and from ONNX' order of axes. */
export function toNchw(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? b.transpose(graph, x, [0, 3, 1, 2]) : x;
}
export function fromNchw(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? b.transpose(graph, x, [0, 2, 3, 1]) : x;
}
export function toNhwc(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? x : b.transpose(graph, x, [0, 2, 3, 1]);
}

/** True for a 1x1 filter that visits every pixel once. */
export function isPointwise(info: Geometry): boolean {
  return (
    info.filterHeight === 1 &&
    info.filterWidth === 1 &&
    info.strideHeight === 1 &&
    info.strideWidth === 1 &&
    info.inHeight === info.outHeight &&
    info.inWidth === info.outWidth &&
    info.padInfo.top === 0 &&
    info.padInfo.left === 0
  );
}

/** [.., c] -> [rows, c] */
export function rows(graph: Graph, x: Value): Value {
  const channels = x.shape.at(-1)!;
  return b.reshape(graph, x, [sizeOf(x.shape) / Math.max(channels, 1), channels]);
}

type Shape4D = [number, number, number, number];

export interface ConvAttributes {
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  readonly dataFormat: "NHWC" | "NCHW";
  readonly dilations?: [number, number] | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

export function geometryOf(
  inShape: readonly number[],
  filterShape: readonly number[],
  attributes: ConvAttributes,
  depthwise = false,
): Geometry {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes;
  const format = backend_util.convertConv2DDataFormat(dataFormat ?? "NHWC");
  return backend_util.computeConv2DInfo(
    [...inShape] as Shape4D,
    [...filterShape] as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    format,
  );
}

/** tfjs's gradients lack the rounding mode, so the output's size is that of dy. */
export function withOutput(info: Geometry, dy: Value): Geometry {
  const [outHeight, outWidth] =
    info.dataFormat === "channelsLast" ? [dy.shape[1]!, dy.shape[2]!] : [dy.shape[2]!, dy.shape[3]!];
  return { ...info, outHeight, outWidth };
}
