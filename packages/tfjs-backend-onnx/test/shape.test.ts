import { describe, expect, it } from "vitest";
import { bools, compareBackends, fc, floats, forAll, given, ints, seeds, shapes, tf, type Input } from "./compare.js";

/** Any of the three types. */
const anyOf = (shape: number[], seed: number): Input => [floats, ints, bools][seed % 3]!(shape, seed);
const shapeAndAxis = shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), seeds));
const permuted = shapes(1, 5, 4).chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.shuffledSubarray(
      shape.map((_, axis) => axis),
      { minLength: shape.length },
    ),
    seeds,
  ),
);
const cut = shapes(1, 4).chain((shape) =>
  fc.tuple(fc.constant(shape), fc.tuple(...shape.map((size) => fc.tuple(fc.nat(size - 1), fc.nat(size - 1)))), seeds),
);
const padded = shapes(1, 4).chain((shape) =>
  fc.tuple(fc.constant(shape), fc.tuple(...shape.map(() => fc.tuple(fc.nat(3), fc.nat(3)))), seeds),
);

describe("shape kernels agree with tfjs cpu", () => {
  it("transpose", async () => {
    await forAll(permuted, ([shape, perm, seed]) =>
      compareBackends((x) => tf.transpose(x!, perm), [anyOf(shape, seed)]),
    );
    await forAll(
      permuted,
      ([shape, perm, seed]) => compareBackends((x) => tf.transpose(x!, perm), [floats(shape, seed)], {}, true),
      5,
    );
  });
  it("reshape, expandDims, squeeze, flatten, of queued and of finished tensors", () =>
    forAll(fc.tuple(shapes(1, 4), seeds), ([shape, seed]) =>
      compareBackends(
        (x) => {
          const doubled = tf.mul(x!, 2);
          return [
            tf.reshape(x!, [-1]),
            tf.reshape(doubled, [1, -1]),
            tf.expandDims(doubled, 1),
            tf.squeeze(tf.expandDims(x!, 0)),
            tf.add(tf.reshape(doubled, [-1]), 1),
            doubled,
          ];
        },
        [floats(shape, seed)],
        {},
        true,
      ),
    ));
  it("slice", () =>
    forAll(cut, ([shape, pairs, seed]) => {
      const begin = pairs.map(([a, b]) => Math.min(a, b));
      const size = pairs.map(([a, b]) => Math.abs(a - b) + 1);
      return compareBackends((x) => tf.slice(x!, begin, size), [floats(shape, seed)], {}, true);
    }));
  it("stridedSlice", () =>
    forAll(
      fc.tuple(
        cut,
        fc.oneof(fc.constant([1, 1, 1, 1]), fc.array(fc.constantFrom(1, 2, 3, -1, -2), { minLength: 4, maxLength: 4 })),
        fc.nat(15),
        fc.nat(15),
        fc.nat(15),
      ),
      ([[shape, pairs, seed], steps, beginMask, endMask, shrink]) => {
        const strides = steps.slice(0, shape.length);
        const begin = pairs.map(([a, b], axis) => (strides[axis]! > 0 ? Math.min(a, b) : Math.max(a, b)));
        const end = pairs.map(([a, b], axis) =>
          strides[axis]! > 0 ? Math.max(a, b) + 1 : Math.min(a, b) - 1 < 0 ? -shape[axis]! - 1 : Math.min(a, b) - 1,
        );
        // tfjs cpu forgets dropped axes where a stride is not 1.
        const plain = strides.every((stride) => stride === 1);
        const shrinkMask = !plain
          ? 0
          : strides.reduce(
              (mask, stride, axis) => (axis > 0 && stride > 0 && (shrink >> axis) & 1 ? mask | (1 << axis) : mask),
              0,
            );
        return compareBackends(
          (x) => tf.stridedSlice(x!, begin, end, strides, beginMask & ~shrinkMask, endMask, 0, 0, shrinkMask),
          [anyOf(shape, seed)],
        );
      },
      25,
    ));
  it("concat, stack, unstack, split", async () => {
    // tfjs has no gradient for a list of one.
    const several = shapeAndAxis.filter(([shape, axis]) => shape[axis]! > 1);
    await forAll(several, ([shape, axis, seed]) =>
      compareBackends(
        (a, b, c) => [tf.concat([a!, b!, c!], axis), tf.stack([a!, b!], axis), ...tf.unstack(a!, axis)],
        [floats(shape, seed), floats(shape, seed + 1), floats(shape, seed + 2)],
        {},
        true,
      ),
    );
    await forAll(
      shapeAndAxis,
      ([shape, axis, seed]) =>
        compareBackends((a, b) => tf.concat([a!, b!], axis), [anyOf(shape, seed), anyOf(shape, seed + 3)]),
      6,
    );
    await forAll(shapeAndAxis, ([shape, axis, seed]) =>
      compareBackends(
        (x) => tf.split(tf.concat([x!, x!], axis), [1, 2 * shape[axis]! - 1], axis),
        [floats(shape, seed)],
        {},
        true,
      ),
    );
  });
  it("tile, broadcastTo", () =>
    forAll(
      fc.tuple(shapes(1, 3), seeds, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 })),
      async ([shape, seed, reps]) => {
        await compareBackends((x) => tf.tile(x!, reps.slice(0, shape.length)), [anyOf(shape, seed)]);
        await compareBackends(
          (x) => [tf.tile(x!, reps.slice(0, shape.length)), tf.broadcastTo(tf.expandDims(x!, 0), [reps[0]!, ...shape])],
          [floats(shape, seed)],
          {},
          true,
        );
      },
    ));
  it("pad", () =>
    forAll(
      padded,
      async ([shape, paddings, seed]) => {
        await compareBackends((x) => tf.pad(x!, paddings, 1.5), [floats(shape, seed)], {}, true);
        await compareBackends((x) => tf.pad(x!, paddings, 3), [ints(shape, seed)]);
      },
      8,
    ));
  it("mirrorPad", () =>
    forAll(padded, ([shape, paddings, seed]) => {
      const within = (limit: number): [number, number][] =>
        paddings.map(([a, b], axis) => [Math.min(a, shape[axis]! - limit), Math.min(b, shape[axis]! - limit)]);
      return compareBackends(
        (x) => [tf.mirrorPad(x!, within(1), "reflect"), tf.mirrorPad(x!, within(0), "symmetric")],
        [floats(shape, seed)],
      );
    }));
  it("reverse", () =>
    forAll(
      shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, axis) => axis)), seeds)),
      ([shape, axes, seed]) => compareBackends((x) => tf.reverse(x!, axes), [floats(shape, seed)], {}, true),
    ));
  it("depthToSpace, batchToSpaceND, spaceToBatchND", () =>
    forAll(
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), seeds),
      ([a, c, n, seed]) =>
        compareBackends(
          (x) => [
            tf.depthToSpace(tf.reshape(x!, [n, a * 2, 2, 4 * c]) as tf.Tensor4D, 2, "NHWC"),
            tf.spaceToBatchND(
              tf.reshape(x!, [n, a * 2, 2, 4 * c]),
              [2, 2],
              [
                [0, 2],
                [1, 1],
              ],
            ),
            tf.batchToSpaceND(
              tf.reshape(x!, [4 * n, a * 2, 2, c]),
              [2, 2],
              [
                [0, 1],
                [1, 0],
              ],
            ),
          ],
          [floats([n * a * c * 16], seed)],
        ),
      8,
    ));
  it("range, linspace, fill, eye, diag-free creation", async () => {
    await compareBackends(
      () => [
        tf.range(0, 5),
        tf.range(5, 0, -2),
        tf.range(0, 1, 0.1),
        tf.range(3, 0),
        tf.linspace(0, 1, 7),
        tf.fill([2, 3], 4),
        tf.fill([2], 1, "int32"),
        tf.fill([], 2.5),
        tf.eye(3),
        tf.zeros([2, 2]),
        tf.ones([3], "int32"),
        tf.fill([2], 1, "bool"),
      ],
      [],
    );
  });
  it("empty tensors", async () => {
    await compareBackends(
      (x) => [
        tf.add(x!, 1),
        tf.concat([x!, x!], 1),
        tf.transpose(x!),
        tf.reshape(x!, [3, 0]),
        tf.concat([x!, tf.ones([2, 3])], 0),
        tf.slice(tf.ones([4, 3]), [1, 0], [0, 3]),
      ],
      [given([0, 3], [])],
    );
    expect(true).toBe(true);
  });
});
