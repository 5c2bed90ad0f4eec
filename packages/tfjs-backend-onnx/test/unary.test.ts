import { describe, it } from "vitest";
import {
  bools,
  compareBackends,
  fc,
  floats,
  forAll,
  given,
  ints,
  seeds,
  shapes,
  tf,
  type Tolerance,
} from "./compare.js";

type Case = [
  name: string,
  op: (x: tf.Tensor) => tf.Tensor,
  low: number,
  high: number,
  options?: Tolerance & { noGradient?: boolean; ints?: boolean },
];

/** Domains keep clear of poles, where float32 and float64 part. */
const cases: Case[] = [
  ["abs", tf.abs, -3, 3, { ints: true }],
  ["neg", tf.neg, -3, 3, { ints: true }],
  ["sign", tf.sign, -3, 3, { ints: true }],
  ["square", tf.square, -3, 3, { ints: true }],
  ["relu", tf.relu, -3, 3, { ints: true }],
  ["relu6", tf.relu6, -3, 9, { ints: true }],
  ["ceil", tf.ceil, -9, 9],
  ["floor", tf.floor, -9, 9],
  ["round", tf.round, -9, 9],
  ["exp", tf.exp, -9, 9],
  ["expm1", tf.expm1, -3, 3],
  ["log", tf.log, 0.01, 9],
  ["log1p", tf.log1p, -0.9, 9],
  ["sqrt", tf.sqrt, 0.01, 99],
  ["rsqrt", tf.rsqrt, 0.01, 99],
  ["reciprocal", tf.reciprocal, 0.1, 9],
  ["sin", tf.sin, -9, 9],
  ["cos", tf.cos, -9, 9],
  ["tan", tf.tan, -1.4, 1.4],
  ["asin", tf.asin, -0.95, 0.95],
  ["acos", tf.acos, -0.95, 0.95],
  ["atan", tf.atan, -9, 9],
  ["sinh", tf.sinh, -5, 5],
  ["cosh", tf.cosh, -5, 5],
  ["tanh", tf.tanh, -5, 5],
  ["asinh", tf.asinh, -5, 5],
  ["acosh", tf.acosh, 1.1, 9],
  ["atanh", tf.atanh, -0.95, 0.95],
  ["sigmoid", tf.sigmoid, -9, 9],
  ["logSigmoid", tf.logSigmoid, -9, 9],
  ["softplus", tf.softplus, -9, 9],
  ["erf", tf.erf, -3, 3],
  ["elu", tf.elu, -3, 3],
  ["selu", tf.selu, -3, 3],
  ["leakyRelu", (x) => tf.leakyRelu(x, 0.3), -3, 3],
  ["step", (x) => tf.step(x, 0.25), -3, 3],
  ["clipByValue", (x) => tf.clipByValue(x, -1, 1.5), -3, 3, { ints: true, noGradient: false }],
  ["silu", (x) => tf.mul(x, tf.sigmoid(x)), -5, 5],
  ["zerosLike", tf.zerosLike, -1, 1, { ints: true, noGradient: true }],
  ["onesLike", tf.onesLike, -1, 1, { ints: true, noGradient: true }],
  ["isNaN", tf.isNaN, -1, 1, { ints: true, noGradient: true }],
  ["isInf", tf.isInf, -1, 1, { ints: true, noGradient: true }],
  ["isFinite", tf.isFinite, -1, 1, { ints: true, noGradient: true }],
];

describe("unary kernels agree with tfjs cpu", () => {
  for (const [name, op, low, high, options = {}] of cases) {
    it(name, async () => {
      await forAll(
        fc.tuple(shapes(), seeds),
        ([shape, seed]) => compareBackends(op, [floats(shape, seed, low, high)], options, !options.noGradient),
        4,
      );
      if (options.ints)
        await forAll(
          fc.tuple(shapes(), seeds),
          ([shape, seed]) => compareBackends(op, [ints(shape, seed)], options),
          3,
        );
    });
  }

  it("prelu", () =>
    forAll(fc.tuple(shapes(1, 3), seeds), ([shape, seed]) =>
      compareBackends(
        (x, alpha) => tf.prelu(x!, alpha!),
        [floats(shape, seed), floats(shape.slice(-1), seed + 1)],
        {},
        true,
      ),
    ));

  it("logicalNot", () =>
    forAll(fc.tuple(shapes(), seeds), ([shape, seed]) =>
      compareBackends((x) => tf.logicalNot(x!), [bools(shape, seed)]),
    ));

  it("keeps NaN and infinities where tfjs cpu does", async () => {
    const special = given([9], [NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e38, -1e-40]);
    for (const [name, op] of cases) {
      if (["sin", "cos", "tan"].includes(name)) continue;
      await compareBackends((x) => op(x!), [special], { relative: 1e-4, absolute: 1e-5 }).catch((error: Error) => {
        throw new Error(`${name}: ${error.message}`);
      });
    }
  });

  it("casts by JavaScript's rules", async () => {
    const hard = given([12], [0.9, -0.9, 1.5, -2.5, 3e9, -3e9, 2147483647, NaN, Infinity, -Infinity, 1e20, 5e10]);
    await compareBackends((x) => [tf.cast(x!, "int32"), tf.cast(x!, "bool"), tf.cast(x!, "float32")], [hard]);
    await compareBackends(
      (x) => [tf.cast(x!, "float32"), tf.cast(x!, "bool")],
      [given([4], [0, 1, -7, 2 ** 24 + 1], "int32")],
    );
    await compareBackends((x) => [tf.cast(x!, "float32"), tf.cast(x!, "int32")], [given([2], [0, 1], "bool")]);
  });
});
