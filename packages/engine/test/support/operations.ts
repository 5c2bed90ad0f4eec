/**
 * The operations that revq's models, losses and optimisers are made of, each with random shapes: what a backend is compared
 * with tfjs `cpu` on. A case says which inputs it takes and what is done with them.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import fc from "fast-check";

export interface Input {
  readonly shape: readonly number[];
  /** Default `any`: normal values. */
  readonly values?: "any" | "positive" | "indices";
  /** For indices: they lie below. */
  readonly below?: number;
}

export interface Case {
  readonly inputs: readonly Input[];
  /** For messages. */
  readonly settings?: unknown;
  run(...tensors: Tensor[]): Tensor;
}

export interface Operation {
  readonly name: string;
  readonly cases: fc.Arbitrary<Case>;
  /** False where tfjs has no gradient for it. Default true. */
  readonly gradient?: boolean;
}

const size = fc.integer({ min: 1, max: 6 });
const shape = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(size, { minLength, maxLength });
const image = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 5, max: 9 }),
  fc.integer({ min: 5, max: 9 }),
  fc.integer({ min: 1, max: 5 }),
);

type Unary = (x: Tensor) => Tensor;

function unary(name: string, run: Unary, values: Input["values"] = "any", gradient = true): Operation {
  return { name, gradient, cases: shape(1, 4).map((dims) => ({ inputs: [{ shape: dims, values }], run })) };
}

/** Two shapes that broadcast: the second loses leading dimensions or has ones. */
const broadcastPair = shape(1, 4).chain((dims) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: dims.length, maxLength: dims.length }),
      fc.integer({ min: 0, max: dims.length }),
      fc.boolean(),
    )
    .map(([ones, dropped, swap]) => {
      const other = dims.map((dimension, i) => (ones[i] ? 1 : dimension)).slice(dropped);
      return swap ? [other, dims] : [dims, other];
    }),
);

function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  values: Input["values"] = "any",
  gradient = true,
): Operation {
  return {
    name,
    gradient,
    cases: broadcastPair.map(([a, b]) => ({
      inputs: [
        { shape: a!, values },
        { shape: b!, values },
      ],
      run,
    })),
  };
}

function sameShape(name: string, run: (a: Tensor, b: Tensor) => Tensor): Operation {
  return { name, cases: shape(1, 4).map((dims) => ({ inputs: [{ shape: dims }, { shape: dims }], run })) };
}

function reduction(
  name: string,
  reduce: (x: Tensor, axes: number[], keep: boolean) => Tensor,
  gradient = true,
): Operation {
  const cases = shape(1, 4).chain((dims) =>
    fc.tuple(fc.shuffledSubarray([...dims.keys()], { minLength: 1 }), fc.boolean()).map(([axes, keep]): Case => ({
      inputs: [{ shape: dims }],
      settings: { axes, keep },
      run: (x) => reduce(x, axes, keep),
    })),
  );
  return { name, cases, gradient };
}

type Padding = "same" | "valid" | [[0, 0], [number, number], [number, number], [0, 0]];

const padding: fc.Arbitrary<Padding> = fc.oneof(
  fc.constantFrom("same" as const, "valid" as const),
  fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)).map(([top, bottom, left, right]): Padding => [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]),
);
const filterSize = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }));
const strides = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }));
const setting = fc.record({
  kernel: filterSize,
  stride: strides,
  pad: padding,
  channels: fc.integer({ min: 1, max: 6 }),
});

const convolution: Operation = {
  name: "conv2d",
  cases: fc.tuple(image, setting).map(([dims, { kernel, stride, pad, channels }]): Case => ({
    inputs: [{ shape: dims }, { shape: [...kernel, dims[3], channels] }],
    settings: { stride, pad },
    run: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, stride, pad),
  })),
};

const pointwise: Operation = {
  name: "conv2d 1x1",
  cases: fc.tuple(image, fc.integer({ min: 1, max: 9 })).map(([dims, channels]): Case => ({
    inputs: [{ shape: dims }, { shape: [1, 1, dims[3], channels] }],
    run: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same"),
  })),
};

const dilated: Operation = {
  name: "conv2d dilated",
  gradient: false,
  cases: fc
    .tuple(image, filterSize, strides, fc.integer({ min: 1, max: 4 }))
    .map(([dims, kernel, dilations, channels]): Case => ({
      inputs: [{ shape: dims }, { shape: [...kernel, dims[3], channels] }],
      settings: { dilations },
      run: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same", "NHWC", dilations),
    })),
};

const transposedConvolution: Operation = {
  name: "conv2dTranspose",
  cases: fc
    .tuple(image, filterSize, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }))
    .map(([dims, kernel, stride, channels]): Case => ({
      inputs: [{ shape: dims }, { shape: [...kernel, channels, dims[3]] }],
      settings: { stride },
      run: (x, w) =>
        tf.conv2dTranspose(
          x as Tensor4D,
          w as Tensor4D,
          [dims[0], dims[1] * stride, dims[2] * stride, channels],
          stride,
          "same",
        ),
    })),
};

const depthwise: Operation = {
  name: "depthwiseConv2d",
  cases: fc
    .tuple(image, filterSize, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), padding)
    .map(([dims, kernel, stride, multiplier, pad]): Case => ({
      inputs: [{ shape: dims }, { shape: [...kernel, dims[3], multiplier] }],
      settings: { stride, pad },
      run: (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, stride, pad),
    })),
};

const pool = (
  name: string,
  run: (x: Tensor4D, size: [number, number], stride: number, pad: "same" | "valid") => Tensor,
): Operation => ({
  name,
  cases: fc
    .tuple(image, filterSize, fc.integer({ min: 1, max: 3 }), fc.constantFrom("same" as const, "valid" as const))
    .map(([dims, kernel, stride, pad]): Case => ({
      inputs: [{ shape: dims }],
      settings: { kernel, stride, pad },
      run: (x) => run(x as Tensor4D, kernel, stride, pad),
    })),
});

/** Single square images made larger: elsewhere tfjs cpu has gradients of its own (transposed, NaN, or of the wrong image). */
const resize = (
  name: string,
  run: (x: Tensor4D, size: [number, number], align: boolean, half: boolean) => Tensor,
): Operation => ({
  name,
  cases: fc
    .tuple(
      image,
      fc.integer({ min: 9, max: 18 }),
      fc.integer({ min: 9, max: 18 }),
      fc.constantFrom([false, false], [true, false]),
    )
    .map(([[, side, , c], height, width, [align, half]]): Case => ({
      inputs: [{ shape: [1, side, side, c] }],
      settings: { height, width, align },
      run: (x) => run(x as Tensor4D, [height, width], align!, half!),
    })),
});

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
    .map(({ batch, m, k, n, transposeA, transposeB }): Case => ({
      inputs: [
        { shape: [...batch, ...(transposeA ? [k, m] : [m, k])] },
        { shape: [...batch, ...(transposeB ? [n, k] : [k, n])] },
      ],
      settings: { transposeA, transposeB },
      run: (a, b) => tf.matMul(a, b, transposeA, transposeB),
    })),
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

/** Slices, pads and the like, whose arguments follow from the shape. */
function shaped(
  name: string,
  run: (x: Tensor, dims: readonly number[]) => Tensor,
  lengths: [number, number] = [1, 4],
  gradient = true,
): Operation {
  return {
    name,
    gradient,
    cases: shape(...lengths).map((dims) => ({ inputs: [{ shape: dims }], run: (x) => run(x, dims) })),
  };
}

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

const fusedConvolution: Operation = {
  name: "fused.conv2d",
  cases: fc.tuple(image, filterSize, fc.integer({ min: 1, max: 5 })).map(([dims, kernel, channels]): Case => ({
    inputs: [{ shape: dims }, { shape: [...kernel, dims[3], channels] }, { shape: [channels] }],
    run: (x, filter, bias) =>
      tf.fused.conv2d({
        x: x as Tensor4D,
        filter: filter as Tensor4D,
        strides: 1,
        pad: "same",
        bias,
        activation: "relu",
      }),
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
  // tfjs-core's own gradients of these three do not undo broadcasting: values only, then gradients of equal shapes.
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
