import { describe, it } from "vitest";
import {
  bools,
  broadcastShapes,
  compareBackends,
  fc,
  floats,
  forAll,
  given,
  ints,
  seeds,
  shapes,
  tf,
} from "./compare.js";

type Op = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const arithmetic: [string, Op, boolean][] = [
  ["add", tf.add, true],
  ["sub", tf.sub, true],
  ["mul", tf.mul, true],
  ["maximum", tf.maximum, true],
  ["minimum", tf.minimum, true],
  ["squaredDifference", tf.squaredDifference, true],
  ["div", tf.div, true],
  ["floorDiv", tf.floorDiv, true],
  ["mod", tf.mod, true],
  ["atan2", tf.atan2, false],
];
const comparisons: [string, Op][] = [
  ["equal", tf.equal],
  ["notEqual", tf.notEqual],
  ["less", tf.less],
  ["lessEqual", tf.lessEqual],
  ["greater", tf.greater],
  ["greaterEqual", tf.greaterEqual],
];

describe("binary kernels agree with tfjs cpu", () => {
  for (const [name, op, onInts] of arithmetic) {
    it(name, async () => {
      // Away from zero: quotients near a pole and remainders near a jump are not comparable.
      const gradient = name !== "mod" && name !== "floorDiv";
      // tfjs' own gradients of these three do not broadcast.
      const alike = name === "maximum" || name === "minimum" || name === "squaredDifference";
      await forAll(
        fc.tuple(broadcastShapes, seeds),
        ([[a, b], seed]) =>
          compareBackends((x, y) => op(x!, y!), [floats(a, seed), floats(b, seed + 1, 0.5, 2)], {}, gradient && !alike),
        8,
      );
      if (alike)
        await forAll(
          fc.tuple(shapes(), seeds),
          ([shape, seed]) =>
            compareBackends((x, y) => op(x!, y!), [floats(shape, seed), floats(shape, seed + 1)], {}, true),
          4,
        );
      if (onInts)
        await forAll(
          fc.tuple(broadcastShapes, seeds),
          ([[a, b], seed]) => compareBackends((x, y) => op(x!, y!), [ints(a, seed), ints(b, seed + 1, -4, 4)]),
          8,
        );
    });
  }
  it("pow", async () => {
    await forAll(
      fc.tuple(broadcastShapes, seeds),
      ([[a, b], seed]) =>
        compareBackends((x, y) => tf.pow(x!, y!), [floats(a, seed, 0.2, 3), floats(b, seed + 1)], {}, true),
      8,
    );
    await forAll(
      fc.tuple(broadcastShapes, seeds),
      ([[a, b], seed]) => compareBackends((x, y) => tf.pow(x!, y!), [ints(a, seed, -5, 6), ints(b, seed + 1, 0, 5)]),
      8,
    );
  });
  for (const [name, op] of comparisons) {
    it(name, () =>
      forAll(
        fc.tuple(broadcastShapes, seeds, fc.nat(2)),
        ([[a, b], seed, kind]) => {
          const make = [
            (shape: number[], from: number) => ints(shape, from, 0, 3),
            bools,
            (shape: number[], from: number) => ({ ...ints(shape, from, 0, 3), dtype: "float32" as const }),
          ][kind]!;
          return compareBackends((x, y) => op(x!, y!), [make(a, seed), make(b, seed + 1)]);
        },
        9,
      ),
    );
  }
  it("logicalAnd, logicalOr, logicalXor", () =>
    forAll(fc.tuple(broadcastShapes, seeds), ([[a, b], seed]) =>
      compareBackends(
        (x, y) => [tf.logicalAnd(x!, y!), tf.logicalOr(x!, y!), tf.logicalXor(x!, y!)],
        [bools(a, seed), bools(b, seed + 1)],
      ),
    ));
  it("where", async () => {
    await forAll(
      fc.tuple(broadcastShapes, seeds),
      ([[a, b], seed]) =>
        compareBackends(
          (x, y, c) => tf.where(c!, x!, y!),
          [floats(a, seed), floats(b, seed + 1), bools(a, seed + 2)],
          {},
          true,
        ),
      6,
    );
    await forAll(
      fc.tuple(shapes(1, 3), seeds),
      ([a, seed]) =>
        compareBackends((x, y, c) => tf.where(c!, x!, y!), [ints(a, seed), ints(a, seed + 1), bools(a, seed + 2)]),
      4,
    );
    await forAll(
      fc.tuple(shapes(1, 3), seeds),
      ([a, seed]) =>
        compareBackends((x, y, c) => tf.where(c!, x!, y!), [bools(a, seed), bools(a, seed + 1), bools(a, seed + 2)]),
      4,
    );
  });
  it("addN, bitwiseAnd", async () => {
    await forAll(fc.tuple(shapes(), seeds), ([shape, seed]) =>
      compareBackends(
        (...all) => tf.addN(all),
        [0, 1, 2].map((n) => floats(shape, seed + n)),
        {},
        true,
      ),
    );
    await forAll(fc.tuple(shapes(), seeds), ([shape, seed]) =>
      compareBackends((a, b) => tf.bitwiseAnd(a!, b!), [ints(shape, seed), ints(shape, seed + 1)]),
    );
  });
  it("whole numbers are exact beyond 2^24 and division by zero gives 0", async () => {
    const big = given([4], [2 ** 24 + 1, 2 ** 30 + 3, -(2 ** 31), 2 ** 31 - 1], "int32");
    const small = given([4], [1, 3, -1, 0], "int32");
    await compareBackends(
      (x, y) => [
        tf.add(x!, y!),
        tf.sub(x!, y!),
        tf.floorDiv(x!, y!),
        tf.mod(x!, y!),
        tf.maximum(x!, y!),
        tf.equal(x!, y!),
      ],
      [big, small],
    );
  });
  it("NaN and infinities", async () => {
    const values = [NaN, Infinity, -Infinity, 0, -0, 1, -2.5];
    const x = given([7, 1], values);
    const y = given([7], values);
    for (const op of [
      tf.add,
      tf.sub,
      tf.mul,
      tf.div,
      tf.maximum,
      tf.minimum,
      tf.less,
      tf.greaterEqual,
      tf.equal,
      tf.notEqual,
      tf.squaredDifference,
    ]) {
      await compareBackends((a, b) => op(a!, b!), [x, y]).catch((error: Error) => {
        throw new Error(`${op.name}: ${error.message}`);
      });
    }
    const finite = given([5], [0, 1, -2.5, Infinity, -Infinity]);
    await compareBackends((a, b) => tf.atan2(a!, b!), [given([5, 1], [0, 1, -2.5, Infinity, -Infinity]), finite]);
  });
});
