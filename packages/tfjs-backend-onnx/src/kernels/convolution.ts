/**
 * Dense 2-D convolutions and their gradients. tfjs keeps images as [n,h,w,c] and filters as
 * [h,w,in,out]; ONNX wants [n,c,h,w] and [out,in,h,w]. A 1x1 convolution is a matrix product over
 * the last axis and needs no transposition.
 */
import { backend_util } from "@tensorflow/tfjs-core";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";
import { finish, type FusedAttributes } from "./matrix.js";

export type Geometry = backend_util.Conv2DInfo;

/** Rows and columns of zeros [top, left, bottom, right] that give the output its exact size. */
export function padsOf(info: Geometry): [number, number, number, number] {
  const { top, left, bottom, right } = info.padInfo;
  const missingRows = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - info.inHeight - top;
  const missingColumns = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - info.inWidth - left;
  return [top, left, Math.max(bottom, missingRows), Math.max(right, missingColumns)];
}

const channelsLast = (info: Geometry): boolean => info.dataFormat === "channelsLast";

/** To and from ONNX' order of axes. */
export function toNchw(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? b.transpose(graph, x, [0, 3, 1, 2]) : x;
}
export function fromNchw(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? b.transpose(graph, x, [0, 2, 3, 1]) : x;
}
function toNhwc(graph: Graph, x: Value, info: Geometry): Value {
  return channelsLast(info) ? x : b.transpose(graph, x, [0, 2, 3, 1]);
}

/** True for a 1x1 filter that visits every pixel once. */
function isPointwise(info: Geometry): boolean {
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
function rows(graph: Graph, x: Value): Value {
  const channels = x.shape.at(-1)!;
  return b.reshape(graph, x, [sizeOf(x.shape) / Math.max(channels, 1), channels]);
}

/** @param bias one element per channel of the result */
function convolve(graph: Graph, x: Value, filter: Value, info: Geometry, bias?: Value): Value {
  if (isPointwise(info) && channelsLast(info)) {
    const product = b.matmul(graph, rows(graph, x), b.reshape(graph, filter, [info.inChannels, info.outChannels]));
    return b.reshape(graph, bias ? b.add(graph, product, bias) : product, info.outShape);
  }
  const options = {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: padsOf(info),
    group: 1,
  } as const;
  const result = convNchw(graph, toNchw(graph, x, info), b.transpose(graph, filter, [3, 2, 0, 1]), options, bias);
  return fromNchw(graph, result, info);
}

interface ConvOptions {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
  readonly group: number;
}

/** x [n,c,h,w], filter [out,c/group,h,w], bias [out] -> [n,out,h',w'] */
export function convNchw(
  graph: Graph,
  x: Value,
  filter: Value,
  { strides, dilations, pads, group }: ConvOptions,
  bias?: Value,
): Value {
  const [n, , height, width] = x.shape as [number, number, number, number];
  const [out, , filterHeight, filterWidth] = filter.shape as [number, number, number, number];
  const length = (size: number, kernel: number, axis: 0 | 1): number =>
    Math.floor((size + pads[axis] + pads[axis + 2]! - (kernel - 1) * dilations[axis] - 1) / strides[axis]) + 1;
  const shape = [n, out, length(height, filterHeight, 0), length(width, filterWidth, 1)];
  const attributes = { kernel_shape: [filterHeight, filterWidth], strides, dilations, pads, group };
  return graph.add("Conv", bias ? [x, filter, bias] : [x, filter], { type: x.type, shape }, { attributes });
}

/**
 * The transpose of `convNchw` with respect to its input: dy [n,out,h',w'], filter [out,c/group,h,w]
 * -> [n,c,height,width]. With stride 1 it is a convolution with the rotated filter.
 */
export function convTransposeNchw(graph: Graph, dy: Value, filter: Value, info: Geometry, group: number): Value {
  const [top, left] = padsOf(info);
  // Exactly the rows that the output depends on. Negative: input rows that no output depends on.
  const bottom = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - info.inHeight - top;
  const right = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - info.inWidth - left;
  const [n] = dy.shape as [number];
  const dilations = [info.dilationHeight, info.dilationWidth] as const;
  const [out, inPerGroup, filterHeight, filterWidth] = filter.shape as [number, number, number, number];
  const mirrored = [
    info.effectiveFilterHeight - 1 - top,
    info.effectiveFilterWidth - 1 - left,
    info.effectiveFilterHeight - 1 - bottom,
    info.effectiveFilterWidth - 1 - right,
  ] as const;
  if (info.strideHeight === 1 && info.strideWidth === 1 && mirrored.every((size) => size >= 0)) {
    const turned = b.reverse(graph, filter, [2, 3]);
    const swapped =
      group === 1
        ? b.transpose(graph, turned, [1, 0, 2, 3])
        : b.reshape(
            graph,
            b.transpose(
              graph,
              b.reshape(graph, turned, [group, out / group, inPerGroup, filterHeight, filterWidth]),
              [0, 2, 1, 3, 4],
            ),
            [group * inPerGroup, out / group, filterHeight, filterWidth],
          );
    return convNchw(graph, dy, swapped, { strides: [1, 1], dilations, pads: mirrored, group });
  }
  const attributes = {
    kernel_shape: [filterHeight, filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [...dilations],
    pads: [top, left, Math.max(bottom, 0), Math.max(right, 0)],
    output_padding: [Math.max(-bottom, 0), Math.max(-right, 0)],
    group,
  };
  const shape = [n, group * inPerGroup, info.inHeight, info.inWidth];
  return graph.add("ConvTranspose", [dy, filter], { type: dy.type, shape }, { attributes });
}

/**
 * The inputs [n,outHeight,outWidth,c] of tap (row, column) of the filter, from padded [n,h,w,c].
 */
export function seenBy(graph: Graph, padded: Value, info: Geometry, row: number, column: number): Value {
  const begin = [0, row * info.dilationHeight, column * info.dilationWidth, 0];
  const size = [padded.shape[0]!, info.outHeight, info.outWidth, padded.shape[3]!];
  return b.slice(graph, padded, begin, size, [1, info.strideHeight, info.strideWidth, 1]);
}

export function padInput(graph: Graph, x: Value, info: Geometry): Value {
  const [top, left, bottom, right] = padsOf(info);
  return b.pad(
    graph,
    x,
    [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    0,
  );
}

function filterGradient(graph: Graph, x: Value, dy: Value, info: Geometry): Value {
  const errors = rows(graph, toNhwc(graph, dy, info));
  const input = toNhwc(graph, x, info);
  if (isPointwise(info))
    return b.reshape(graph, b.matmul(graph, rows(graph, input), errors, true, false), info.filterShape);
  const padded = padInput(graph, input, info);
  const taps: Value[] = [];
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      taps.push(b.matmul(graph, rows(graph, seenBy(graph, padded, info, row, column)), errors, true, false));
    }
  }
  return b.reshape(graph, b.concat(graph, taps, 0), info.filterShape);
}

function inputGradient(graph: Graph, dy: Value, filter: Value, info: Geometry): Value {
  if (isPointwise(info) && channelsLast(info)) {
    const weights = b.reshape(graph, filter, [info.inChannels, info.outChannels]);
    return b.reshape(graph, b.matmul(graph, rows(graph, dy), weights, false, true), info.inShape);
  }
  const gradient = convTransposeNchw(graph, toNchw(graph, dy, info), b.transpose(graph, filter, [3, 2, 0, 1]), info, 1);
  return fromNchw(graph, gradient, info);
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

/** A bias over channels, in the shape that broadcasts against the result. */
export function channelBias(graph: Graph, bias: Value | undefined, info: Geometry): Value | undefined {
  return bias && !channelsLast(info) && bias.shape.length === 1 ? b.reshape(graph, bias, [bias.shape[0]!, 1, 1]) : bias;
}

export const convolutionKernels: readonly OnnxKernel[] = [
  defineKernel<ConvAttributes>("Conv2D", (graph, { x, filter }, attributes) =>
    convolve(graph, x!, filter!, geometryOf(x!.shape, filter!.shape, attributes)),
  ),
  defineKernel<ConvAttributes & FusedAttributes>("FusedConv2D", (graph, inputs, attributes) => {
    const info = geometryOf(inputs["x"]!.shape, inputs["filter"]!.shape, attributes);
    const { bias } = inputs;
    const simple = bias?.shape.length === 1 && bias.shape[0] === info.outChannels;
    const result = convolve(graph, inputs["x"]!, inputs["filter"]!, info, simple ? bias : undefined);
    const slopes = channelBias(graph, inputs["preluActivationWeights"], info);
    return finish(graph, result, simple ? undefined : channelBias(graph, bias, info), slopes, attributes);
  }),
  defineKernel<ConvAttributes & { inputShape: number[] }>("Conv2DBackpropInput", (graph, { dy, filter }, attributes) =>
    inputGradient(graph, dy!, filter!, withOutput(geometryOf(attributes.inputShape, filter!.shape, attributes), dy!)),
  ),
  defineKernel<ConvAttributes & { filterShape: number[] }>("Conv2DBackpropFilter", (graph, { x, dy }, attributes) =>
    filterGradient(graph, x!, dy!, withOutput(geometryOf(x!.shape, attributes.filterShape, attributes), dy!)),
  ),
];
