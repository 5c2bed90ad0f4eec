/**
 * The operations of revq's models, losses and optimisers, with random shapes, to compare a backend
 * with tfjs `cpu`.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import {
  convolution,
  depthwise,
  dilated,
  fusedConvolution,
  pointwise,
  pool,
  resize,
  transposedConvolution,
} from "./convolution-operations.js";
import { binary, reduction, sameShape, shape, shaped, size, unary, type Case, type Operation } from "./operation.js";

interface Product {
  readonly batch: number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function matrixProduct({ batch, m, k, n, transposeA, transposeB }: Product): Case {
  return {
    inputs: [
      { shape: [...batch, ...(transposeA ? [k, m] : [m, k])] },
      { shape: [...batch, ...(transposeB ? [n, k] : [k, n])] },
    ],
    settings: { transposeA, transposeB },
    run: (a, b) => tf.matMul(a, b, transposeA, transposeB),
  };
}

const product: Operation = {
  name: "matMul",
  cases: fc
    .record({
      batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      m: fc.integer({ min: 1, max: 40 }),
      k: fc.integer({ min: 1, max: 40 }),
      n: fc.integer({ min: 1, max: 40 }),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    })
    .map(matrixProduct),
};

/** From 2,000 on, WebGPU splits the inner axis, and reads four values at a time where it can. */
const longProduct: Operation = {
  name: "matMul, long inner axis, b transposed",
  cases: fc
    .record({
      m: fc.integer({ min: 3, max: 10 }),
      k: fc.integer({ min: 500, max: 600 }),
      n: fc.integer({ min: 3, max: 10 }),
      transposeA: fc.boolean(),
    })
    .map(({ m, k, n, transposeA }) =>
      matrixProduct({ batch: [], m: 4 * m, k: 4 * k, n: 4 * n, transposeA, transposeB: true }),
    ),
};

const gather: Operation = {
  name: "gather",
  cases: fc.tuple(size, size, shape(1, 2)).map(([rows, width, dims]): Case => ({
    inputs: [{ shape: [rows, width] }, { shape: dims, values: "indices", below: rows }],
    run: (x, indices) => tf.gather(x, tf.cast(indices, "int32") as Tensor1D),
  })),
};

const gatherAxis: Operation = {
  name: "gather axis 1",
  cases: fc.tuple(size, size, size, size).map(([a, b, c, count]): Case => ({
    inputs: [{ shape: [a, b, c] }, { shape: [count], values: "indices", below: b }],
    run: (x, indices) => tf.gather(x, tf.cast(indices, "int32") as Tensor1D, 1),
  })),
};

const segments: Operation = {
  name: "unsortedSegmentSum",
  cases: fc.tuple(size, size, size).map(([rows, width, count]): Case => ({
    inputs: [{ shape: [rows, width] }, { shape: [rows], values: "indices", below: count }],
    run: (x, ids) => tf.unsortedSegmentSum(x, tf.cast(ids, "int32") as Tensor1D, count),
  })),
};

const oneHot: Operation = {
  name: "oneHot",
  gradient: false,
  cases: fc.tuple(size, fc.integer({ min: 2, max: 6 })).map(([rows, depth]): Case => ({
    inputs: [{ shape: [rows], values: "indices", below: depth }],
    run: (ids) => tf.cast(tf.oneHot(tf.cast(ids, "int32") as Tensor1D, depth), "float32"),
  })),
};

const concat: Operation = {
  name: "concat",
  cases: fc.tuple(shape(1, 4), size).chain(([dims, other]) =>
    fc.nat(dims.length - 1).map((axis): Case => ({
      inputs: [{ shape: dims }, { shape: dims.map((dimension, i) => (i === axis ? other : dimension)) }],
      settings: { axis },
      run: (a, b) => tf.concat([a, b], axis),
    })),
  ),
};

const transpose: Operation = {
  name: "transpose",
  cases: shape(1, 5).chain((dims) =>
    fc.shuffledSubarray([...dims.keys()], { minLength: dims.length }).map((perm): Case => ({
      inputs: [{ shape: dims }],
      settings: { perm },
      run: (x) => tf.transpose(x, perm),
    })),
  ),
};

const select: Operation = {
  name: "where",
  cases: shape(1, 4).map((dims): Case => ({
    inputs: [{ shape: dims, values: "indices", below: 2 }, { shape: dims }, { shape: dims }],
    run: (condition, a, b) => tf.where(tf.cast(condition, "bool"), a, b),
  })),
};

const fusedProduct: Operation = {
  name: "fused.matMul",
  cases: fc.tuple(size, size, size, fc.boolean()).map(([m, k, n, transposeB]): Case => ({
    inputs: [{ shape: [m, k] }, { shape: transposeB ? [n, k] : [k, n] }, { shape: [n] }],
    run: (a, b, bias) => tf.fused.matMul({ a, b, bias, transposeA: false, transposeB, activation: "relu" }),
  })),
};

export const operations: readonly Operation[] = [
  unary("relu", tf.relu),
  unary("relu6", tf.relu6),
  unary("sigmoid", tf.sigmoid),
  unary("tanh", tf.tanh),
  unary("silu", (x) => tf.mul(x, tf.sigmoid(x))),
  unary("exp", tf.exp),
  unary("log", tf.log, "positive"),
  unary("log1p", tf.log1p, "positive"),
  unary("sqrt", tf.sqrt, "positive"),
  unary("rsqrt", tf.rsqrt, "positive"),
  unary("square", tf.square),
  unary("neg", tf.neg),
  unary("abs", tf.abs),
  unary("erf", tf.erf),
  unary("softplus", tf.softplus),
  unary("elu", tf.elu),
  unary("leakyRelu", (x) => tf.leakyRelu(x, 0.2)),
  unary("reciprocal", tf.reciprocal, "positive"),
  unary("sign", tf.sign),
  unary("floor", tf.floor),
  unary("round", tf.round),
  unary("sin", tf.sin),
  unary("cos", tf.cos),
  unary("clipByValue", (x) => tf.clipByValue(x, -0.5, 0.7)),
  unary("isNaN", (x) => tf.cast(tf.isNaN(x), "float32"), "any", false),
  binary("add", tf.add),
  binary("sub", tf.sub),
  binary("mul", tf.mul),
  binary("div", tf.div, "positive"),
  // tfjs-core's own gradients of these three do not undo broadcasting: values only, then gradients
  // of equal shapes.
  binary("maximum", tf.maximum, "any", false),
  binary("minimum", tf.minimum, "any", false),
  binary("squaredDifference", tf.squaredDifference, "any", false),
  sameShape("maximum, gradients", tf.maximum),
  sameShape("minimum, gradients", tf.minimum),
  sameShape("squaredDifference, gradients", tf.squaredDifference),
  binary("pow", tf.pow, "positive"),
  binary("greater", (a, b) => tf.cast(tf.greater(a, b), "float32"), "any", false),
  binary("lessEqual", (a, b) => tf.cast(tf.lessEqual(a, b), "float32"), "any", false),
  reduction("sum", (x, axes, keep) => tf.sum(x, axes, keep)),
  reduction("mean", (x, axes, keep) => tf.mean(x, axes, keep)),
  reduction("max", (x, axes, keep) => tf.max(x, axes, keep)),
  reduction("min", (x, axes, keep) => tf.min(x, axes, keep)),
  reduction("logSumExp", (x, axes, keep) => tf.logSumExp(x, axes, keep)),
  reduction("moments", (x, axes, keep) => tf.moments(x, axes, keep).variance),
  reduction("argMax", (x, axes) => tf.cast(tf.argMax(x, axes[0]), "float32"), false),
  reduction("argMin", (x, axes) => tf.cast(tf.argMin(x, axes[0]), "float32"), false),
  product,
  longProduct,
  fusedProduct,
  convolution,
  pointwise,
  dilated,
  transposedConvolution,
  depthwise,
  fusedConvolution,
  pool("maxPool", (x, kernel, stride, pad) => tf.maxPool(x, kernel, stride, pad)),
  pool("avgPool", (x, kernel, stride, pad) => tf.avgPool(x, kernel, stride, pad)),
  resize("resizeNearestNeighbor", (x, to, align, half) => tf.image.resizeNearestNeighbor(x, to, align, half)),
  resize("resizeBilinear", (x, to, align, half) => tf.image.resizeBilinear(x, to, align, half)),
  gather,
  gatherAxis,
  segments,
  oneHot,
  concat,
  transpose,
  select,
  shaped("softmax", (x) => tf.softmax(x)),
  shaped("logSoftmax", (x) => tf.logSoftmax(x)),
  shaped("cumsum", (x, dims) => tf.cumsum(x, dims.length - 1)),
  shaped("reshape", (x) => tf.reshape(x, [-1])),
  shaped("expandDims", (x) => tf.expandDims(x, 0)),
  shaped("slice", (x, dims) =>
    tf.slice(
      x,
      dims.map((d) => d >> 1),
      dims.map((d) => d - (d >> 1)),
    ),
  ),
  shaped("pad", (x, dims) =>
    tf.pad(
      x,
      dims.map((_, i) => [i, 2] as [number, number]),
      0,
    ),
  ),
  shaped(
    "mirrorPad",
    (x, dims) =>
      tf.mirrorPad(
        x,
        dims.map((d) => [d - 1, 0] as [number, number]),
        "reflect",
      ),
    [2, 4],
    false,
  ),
  shaped("tile", (x, dims) =>
    tf.tile(
      x,
      dims.map((_, i) => 1 + (i % 3)),
    ),
  ),
  shaped("broadcastTo", (x, dims) => tf.broadcastTo(x, [3, ...dims]), [1, 3]),
  shaped("split", (x, dims) => {
    const [a, b] = tf.split(tf.concat([x, x]), [dims[0]!, dims[0]!]);
    return tf.mul(a!, tf.square(b!));
  }),
  shaped(
    "stack and unstack",
    (x) => {
      const [a, b] = tf.unstack(tf.stack([x, tf.square(x)]));
      return tf.mul(a!, b!);
    },
    [1, 3],
  ),
  shaped("reverse", (x) => tf.reverse(x)),
  shaped("addN", (x) => tf.addN([x, x, x])),
  shaped("topk", (x, dims) => tf.topk(x, Math.max(1, dims.at(-1)! >> 1)).values, [1, 2], false),
  shaped(
    "batchNorm",
    (x, dims) => {
      const constant = (value: number): Tensor1D => tf.fill([dims.at(-1)!], value);
      return tf.batchNorm(x as Tensor3D, constant(1), constant(2), constant(0.5), constant(3));
    },
    [3, 4],
  ),
  shaped("fill and zerosLike", (x) => tf.add(tf.mul(x, tf.fill(x.shape, 3)), tf.zerosLike(x))),
  shaped("norm over rows", (x) => tf.norm(x as Tensor2D, "euclidean", 1), [2, 2]),
];
