/**
 * Depthwise convolutions in ONNX Runtime's blocked layout (nChw16c: 16 channels side by side, for
 * one instruction). Its ordinary Conv multiplies a one-row matrix for every channel. A filter's
 * gradient in elementary operators reads the whole input for every tap; these operators read it
 * once.
 *
 * ONNX Runtime uses these operators when it optimizes convolutions with constant filters. It does
 * not tell the width of a block, so its own ReorderInput makes blocked filters and gradients.
 * Tensors of this layout have the shape [n,c,h,w].
 */
import type { Graph, Value } from "../graph/graph.js";
import { BLOCKED_DOMAIN } from "../onnx/model.js";
import * as b from "./builder.js";
import { padsOf, type Geometry } from "./geometry.js";

/** The maximum width of a block in ONNX Runtime, and a multiple of all other widths. */
const widestBlock = 16;

/** True for one result per channel, channels last, in whole blocks. */
export function fitsBlocks(info: Geometry): boolean {
  return (
    info.dataFormat === "channelsLast" &&
    info.inChannels === info.outChannels &&
    info.inChannels % widestBlock === 0 &&
    info.batchSize > 0
  );
}

/** Like `fitsBlocks`, for the gradients, which are convolutions of stride 1. */
export function gradientsFitBlocks(info: Geometry): boolean {
  return (
    fitsBlocks(info) && info.strideHeight === 1 && info.strideWidth === 1 && mirroredPads(info).every((p) => p >= 0)
  );
}

/** x [n,h,w,c], filter [h,w,c,1] -> [n,h',w',c] */
export function blockedDepthwise(graph: Graph, x: Value, filter: Value, info: Geometry): Value {
  const result = convolve(graph, toBlocked(graph, x), filterToBlocked(graph, filter), {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: padsOf(info),
  });
  return fromBlocked(graph, result);
}

/** dy [n,h',w',c] -> [n,h,w,c]: the convolution with the rotated filter. */
export function blockedInputGradient(graph: Graph, dy: Value, filter: Value, info: Geometry): Value {
  const result = convolve(graph, toBlocked(graph, dy), filterToBlocked(graph, b.reverse(graph, filter, [0, 1])), {
    strides: [1, 1],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: mirroredPads(info),
  });
  return fromBlocked(graph, result);
}

/**
 * x [n,h,w,c], dy [n,h',w',c] -> [h,w,c,1]: convolves every channel of every image with its own dy,
 * a filter as large as the image, and sums over the images.
 */
export function blockedFilterGradient(graph: Graph, x: Value, dy: Value, info: Geometry): Value {
  const { batchSize: n, inChannels: c, inHeight, inWidth, outHeight, outWidth } = info;
  const images = b.reshape(graph, toBlocked(graph, x), [1, n * c, inHeight, inWidth]);
  const errors = b.reshape(graph, toBlocked(graph, dy), [n * c, 1, outHeight, outWidth]);
  const each = convolve(graph, images, errors, {
    strides: [info.dilationHeight, info.dilationWidth],
    dilations: [1, 1],
    pads: padsOf(info),
  });
  const [height, width] = [info.filterHeight, info.filterWidth];
  const sum = b.reduce(graph, "ReduceSum", b.reshape(graph, each, [n, c, height, width]), [0], true);
  return b.reshape(graph, fromBlocked(graph, sum), info.filterShape);
}

function mirroredPads(info: Geometry): [number, number, number, number] {
  const [top, left, bottom, right] = padsOf(info);
  const [rows, columns] = [info.effectiveFilterHeight - 1, info.effectiveFilterWidth - 1];
  return [rows - top, columns - left, rows - bottom, columns - right];
}

/** [n,h,w,c] -> blocked [n,c,h,w] */
function toBlocked(graph: Graph, x: Value): Value {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const options = { domain: BLOCKED_DOMAIN, attributes: { channels_last: 1 } };
  return graph.add("ReorderInput", [x], { type: x.type, shape: [n, c, h, w] }, options);
}

/** blocked [n,c,h,w] -> [n,h,w,c] */
function fromBlocked(graph: Graph, x: Value): Value {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const options = { domain: BLOCKED_DOMAIN, attributes: { channels: c, channels_last: 1 } };
  return graph.add("ReorderOutput", [x], { type: x.type, shape: [n, h, w, c] }, options);
}

/** [h,w,c,1] -> [c,1,h,w], blocked over c: the layout of one image of the filter's size. */
function filterToBlocked(graph: Graph, filter: Value): Value {
  const [h, w, c] = filter.shape as [number, number, number, number];
  return b.reshape(graph, toBlocked(graph, b.reshape(graph, filter, [1, h, w, c])), [c, 1, h, w]);
}

interface Options {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

/** x [n,c,h,w], filter [c,1,h,w], both blocked -> blocked [n,c,h',w'] */
function convolve(graph: Graph, x: Value, filter: Value, { strides, dilations, pads }: Options): Value {
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const [, , filterHeight, filterWidth] = filter.shape as [number, number, number, number];
  const length = (size: number, kernel: number, axis: 0 | 1): number =>
    Math.floor((size + pads[axis] + pads[axis + 2]! - (kernel - 1) * dilations[axis] - 1) / strides[axis]) + 1;
  const shape = [n, c, length(height, filterHeight, 0), length(width, filterWidth, 1)];
  const attributes = { kernel_shape: [filterHeight, filterWidth], strides, dilations, pads, group: c };
  return graph.add("Conv", [x, filter], { type: x.type, shape }, { domain: BLOCKED_DOMAIN, attributes });
}
