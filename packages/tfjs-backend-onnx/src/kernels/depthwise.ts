/**
 * Depthwise 2-D convolutions (one filter per channel, `multiplier` results each) and their
 * gradients, [n,h,w,c].
 */
import type { OnnxBackend } from "../backend.js";
import type { Graph, Value } from "../graph/graph.js";
import {
  blockedDepthwise,
  blockedFilterGradient,
  blockedInputGradient,
  fitsBlocks,
  gradientsFitBlocks,
} from "./blocked.js";
import * as b from "./builder.js";
import { channelBias, convNchw, convTransposeNchw } from "./convolution.js";
import { defineKernel, type OnnxKernel } from "./define.js";
import { padInput, seenBy } from "./filter-gradient.js";
import { fromNchw, geometryOf, padsOf, toNchw, withOutput, type ConvAttributes, type Geometry } from "./geometry.js";
import { finish, type FusedAttributes } from "./matrix.js";

/** filter [h,w,c,multiplier] -> [c * multiplier, 1, h, w] */
function perChannel(graph: Graph, filter: Value): Value {
  const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
  return b.reshape(graph, b.transpose(graph, filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
}

function convolve(graph: Graph, x: Value, filter: Value, info: Geometry, backend: OnnxBackend): Value {
  if (backend.blockedConvolutions && fitsBlocks(info)) return blockedDepthwise(graph, x, filter, info);
  const result = convNchw(graph, toNchw(graph, x, info), perChannel(graph, filter), {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: padsOf(info),
    group: info.inChannels,
  });
  return fromNchw(graph, result, info);
}

/** One product and sum over batch and positions for each tap of the filter. */
function filterGradient(graph: Graph, x: Value, dy: Value, info: Geometry): Value {
  const [height, width, channels, multiplier] = info.filterShape as [number, number, number, number];
  const padded = padInput(graph, x, info);
  const spread = multiplier === 1 ? dy : b.reshape(graph, dy, [...dy.shape.slice(0, 3), channels, multiplier]);
  const taps: Value[] = [];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const seen = seenBy(graph, padded, info, row, column);
      const factors = multiplier === 1 ? seen : b.reshape(graph, seen, [...seen.shape, 1]);
      const sum = b.reduce(graph, "ReduceSum", b.mul(graph, factors, spread), [0, 1, 2]);
      taps.push(b.reshape(graph, sum, [1, channels * multiplier]));
    }
  }
  return b.reshape(graph, b.concat(graph, taps, 0), info.filterShape);
}

export const depthwiseKernels: readonly OnnxKernel[] = [
  defineKernel<ConvAttributes>("DepthwiseConv2dNative", (graph, { x, filter }, attributes, backend) =>
    convolve(graph, x!, filter!, geometryOf(x!.shape, filter!.shape, attributes, true), backend),
  ),
  defineKernel<ConvAttributes & FusedAttributes>("FusedDepthwiseConv2D", (graph, inputs, attributes, backend) => {
    const info = geometryOf(inputs["x"]!.shape, inputs["filter"]!.shape, attributes, true);
    const result = convolve(graph, inputs["x"]!, inputs["filter"]!, info, backend);
    return finish(
      graph,
      result,
      channelBias(graph, inputs["bias"], info),
      inputs["preluActivationWeights"],
      attributes,
    );
  }),
  defineKernel<ConvAttributes & { inputShape: number[] }>(
    "DepthwiseConv2dNativeBackpropInput",
    (graph, { dy, filter }, attributes, backend) => {
      const info = withOutput(geometryOf(attributes.inputShape, filter!.shape, attributes, true), dy!);
      if (backend.blockedConvolutions && gradientsFitBlocks(info))
        return blockedInputGradient(graph, dy!, filter!, info);
      return fromNchw(
        graph,
        convTransposeNchw(graph, toNchw(graph, dy!, info), perChannel(graph, filter!), info, info.inChannels),
        info,
      );
    },
  ),
  defineKernel<ConvAttributes & { filterShape: number[] }>(
    "DepthwiseConv2dNativeBackpropFilter",
    (graph, { x, dy }, attributes, backend) => {
      const info = withOutput(geometryOf(x!.shape, attributes.filterShape, attributes, true), dy!);
      return backend.blockedConvolutions && gradientsFitBlocks(info)
        ? blockedFilterGradient(graph, x!, dy!, info)
        : filterGradient(graph, x!, dy!, info);
    },
  ),
];
