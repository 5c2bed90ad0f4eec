/**
 * Dense 2-D convolutions and their gradients. tfjs keeps images as [n,h,w,c] and filters as
 * [h,w,in,out]; ONNX wants [n,c,h,w] and [out,in,h,w]. A 1x1 convolution is a matrix product over
 * the last axis and needs no transposition.
 */
import type { Graph, Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";
import { filterGradient } from "./filter-gradient.js";
import {
  channelsLast,
  fromNchw,
  geometryOf,
  isPointwise,
  padsOf,
  rows,
  toNchw,
  withOutput,
  type ConvAttributes,
  type Geometry,
} from "./geometry.js";
import { finish, type FusedAttributes } from "./matrix.js";

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

function inputGradient(graph: Graph, dy: Value, filter: Value, info: Geometry): Value {
  if (isPointwise(info) && channelsLast(info)) {
    const weights = b.reshape(graph, filter, [info.inChannels, info.outChannels]);
    return b.reshape(graph, b.matmul(graph, rows(graph, dy), weights, false, true), info.inShape);
  }
  const gradient = convTransposeNchw(graph, toNchw(graph, dy, info), b.transpose(graph, filter, [3, 2, 0, 1]), info, 1);
  return fromNchw(graph, gradient, info);
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
