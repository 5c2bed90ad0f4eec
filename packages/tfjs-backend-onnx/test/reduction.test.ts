import { describe, expect, it } from "vitest";
import { bools, compareBackends, fc, floats, forAll, given, ints, runOn, seeds, shapes, tf } from "./compare.js";

/** A shape and some of its axes. */
const shapeAndAxes = shapes(1, 4).chain((shape) =>
  fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, axis) => axis)), fc.boolean(), seeds),
);
const shapeAndAxis = shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), seeds));

describe("reductions agree with tfjs cpu", () => {
  for (const [name, op, gradient] of [
    ["sum", tf.sum, true],
    ["mean", tf.mean, true],
    ["prod", tf.prod, false],
    ["max", tf.max, true],
    ["min", tf.min, true],
  ] as [string, (x: tf.Tensor, axes?: number[], keep?: boolean) => tf.Tensor, boolean][]) {
    it(name, async () => {
      // The empty list of axes means "none" to some of tfjs' operators and "all" to others; left
      // out.
      const cases = shapeAndAxes.filter(([, axes]) => axes.length > 0);
      await forAll(cases, ([shape, axes, keep, seed]) =>
        compareBackends((x) => op(x!, axes, keep), [floats(shape, seed)], {}, gradient && !keep),
      );
      await forAll(
        cases,
        ([shape, axes, keep, seed]) => compareBackends((x) => op(x!, axes, keep), [ints(shape, seed, -4, 5)]),
        6,
      );
    });
  }
  it("any, all", () =>
    forAll(
      shapeAndAxes.filter(([, axes]) => axes.length > 0),
      ([shape, axes, keep, seed]) =>
        compareBackends((x) => [tf.any(x!, axes, keep), tf.all(x!, axes, keep)], [bools(shape, seed)]),
    ));
  it("argMax, argMin (first of equals)", () =>
    forAll(shapeAndAxis, ([shape, axis, seed]) =>
      compareBackends(
        (x) => [tf.argMax(x!, axis), tf.argMin(x!, axis)],
        [seed % 2 ? ints(shape, seed, 0, 3) : floats(shape, seed)],
      ),
    ));
  it("maxima of NaN and infinities", async () => {
    const x = given([4, 3], [1, NaN, 2, NaN, 1, 2, 1, 2, NaN, -Infinity, Infinity, 0]);
    await compareBackends(
      (a) => [tf.max(a!, 1), tf.min(a!, 1), tf.max(a!, 0), tf.min(a!), tf.sum(a!, 1), tf.mean(a!, 1)],
      [x],
    );
  });
  it("nothing to reduce", async () => {
    await compareBackends((x) => [tf.sum(x!, 0), tf.sum(x!, 1), tf.prod(x!, 0)], [given([0, 3], [])]);
  });
  it("softmax, logSoftmax, logSumExp", () =>
    forAll(fc.tuple(shapes(1, 4), seeds), ([shape, seed]) =>
      compareBackends(
        (x) => [tf.softmax(x!), tf.logSoftmax(x!), tf.logSumExp(x!)],
        [floats(shape, seed, -6, 6)],
        {},
        true,
      ),
    ));
  it("cumsum, cumprod", () =>
    forAll(fc.tuple(shapeAndAxis, fc.boolean(), fc.boolean()), ([[shape, axis, seed], exclusive, reverse]) =>
      compareBackends(
        (x) => [tf.cumsum(x!, axis, exclusive, reverse), tf.cumprod(x!, axis, exclusive, reverse)],
        [seed % 2 ? ints(shape, seed, -3, 4) : floats(shape, seed)],
      ),
    ));
  it("the gradient of cumsum (along the last axis: tfjs permutes the others wrongly)", () =>
    forAll(
      fc.tuple(shapeAndAxis, fc.boolean(), fc.boolean()),
      ([[shape, , seed], exclusive, reverse]) =>
        compareBackends((x) => tf.cumsum(x!, shape.length - 1, exclusive, reverse), [floats(shape, seed)], {}, true),
      6,
    ));
  it("topk", () =>
    forAll(fc.tuple(shapes(1, 3), seeds, fc.integer({ min: 1, max: 5 })), async ([shape, seed, k]) => {
      const input = seed % 2 ? ints(shape, seed, 0, 4) : floats(shape, seed);
      await compareBackends((x) => Object.values(tf.topk(x!, Math.min(k, shape.at(-1)!))) as tf.Tensor[], [input]);
    }));
  it("large sums keep their precision", async () => {
    const [sum] = await runOn(
      "onnx",
      (x) => tf.mean(x!),
      [given([1 << 20], new Array<number>(1 << 20).fill(0.1))],
      false,
    );
    expect(sum!.values[0]).toBeCloseTo(0.1, 5);
  });
  it("moments, batchNorm", async () => {
    await forAll(
      fc.tuple(shapes(4, 4), seeds),
      ([shape, seed]) =>
        compareBackends(
          (x) => Object.values(tf.moments(x!, [0, 1, 2])) as tf.Tensor[],
          [floats(shape, seed)],
          {},
          true,
        ),
      5,
    );
    await forAll(
      fc.tuple(shapes(4, 4), seeds),
      ([shape, seed]) => {
        const c = shape.slice(-1);
        return compareBackends(
          (x, m, v, o, s) =>
            tf.batchNorm(
              x as tf.Tensor4D,
              m as tf.Tensor1D,
              v as tf.Tensor1D,
              o as tf.Tensor1D,
              s as tf.Tensor1D,
              0.01,
            ),
          [floats(shape, seed), floats(c, 1), floats(c, 2, 0.5, 2), floats(c, 3), floats(c, 4)],
          {},
          true,
        );
      },
      5,
    );
  });
});
