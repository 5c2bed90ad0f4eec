import { describe, expect, it } from "vitest";
import { bools, compareBackends, fc, floats, forAll, given, ints, seeds, shapes, tf } from "./compare.js";

const gathered = shapes(1, 4).chain((shape) =>
  fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), shapes(0, 2), seeds),
);

describe("indexing kernels agree with tfjs cpu", () => {
  it("gather and its gradient", async () => {
    await forAll(
      gathered,
      ([shape, axis, places, seed]) =>
        compareBackends(
          (x, index) => tf.gather(x!, index as tf.Tensor1D, axis),
          [floats(shape, seed), ints(places, seed + 1, 0, shape[axis])],
          {},
          true,
        ),
      20,
    );
    await forAll(
      gathered,
      ([shape, axis, places, seed]) =>
        compareBackends(
          (x, index) => tf.gather(x!, index as tf.Tensor1D, axis),
          [seed % 2 ? ints(shape, seed) : bools(shape, seed), ints(places, seed + 1, 0, shape[axis])],
        ),
      8,
    );
  });
  it("gather with batch dimensions", () =>
    forAll(
      fc.tuple(shapes(3, 4), seeds, fc.integer({ min: 1, max: 4 }), fc.boolean()),
      ([shape, seed, count, last]) => {
        const axis = last ? 2 : 1;
        return compareBackends(
          (x, index) => tf.gather(x!, index as tf.Tensor2D, axis, 1),
          [floats(shape, seed), ints([shape[0]!, count], seed + 1, 0, shape[axis])],
        );
      },
    ));
  it("gatherND, scatterND, tensorScatterUpdate", () =>
    forAll(fc.tuple(shapes(2, 4), seeds, fc.integer({ min: 1, max: 5 })), ([shape, seed, count]) => {
      const lead = Math.min(shape[0]!, shape[1]!);
      const index = ints([count, 2], seed, 0, lead);
      const rest = shape.slice(2);
      const unique = given(
        [lead, 1],
        Array.from({ length: lead }, (_, row) => row),
        "int32",
      );
      return compareBackends(
        (x, at, updates, rows, values) => [
          tf.gatherND(x!, at!),
          tf.scatterND(at!, updates!, shape as [number, number]),
          tf.tensorScatterUpdate(x!, rows!, values!),
        ],
        [
          floats(shape, seed),
          index,
          floats([count, ...rest], seed + 1),
          unique,
          floats([lead, ...shape.slice(1)], seed + 2),
        ],
      );
    }));
  it("scatterND of whole numbers", () =>
    compareBackends(
      (at, updates) => tf.scatterND(at!, updates!, [5]),
      [given([4, 1], [1, 1, 4, 0], "int32"), given([4], [2 ** 25 + 1, 1, 7, -3], "int32")],
    ));
  it("unsortedSegmentSum, ids outside dropped", () =>
    forAll(fc.tuple(shapes(1, 3), seeds, fc.integer({ min: 1, max: 6 })), ([shape, seed, count]) =>
      compareBackends(
        (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, count),
        [floats(shape, seed), ints([shape[0]!], seed + 1, -1, count + 1)],
      ),
    ));
  it("segment sums of many rows on the same few codes and on a large codebook", async () => {
    for (const count of [3, 20_000]) {
      const rows = 60_000;
      const ids = Int32Array.from({ length: rows }, (_, row) => (row * 7919) % count);
      const expected = new Float32Array(count * 4);
      ids.forEach((id, row) => {
        for (let d = 0; d < 4; d++) expected[id * 4 + d]! += (row % 5) + d;
      });
      const x = Float32Array.from({ length: rows * 4 }, (_, place) => ((place >> 2) % 5) + (place % 4));
      await tf.setBackend("onnx");
      const sums = tf.tidy(() => tf.unsortedSegmentSum(tf.tensor2d(x, [rows, 4]), tf.tensor1d(ids, "int32"), count));
      // Whole numbers below 2^24: exact in any order of addition, unless two threads lose one
      // another's.
      expect(await sums.data()).toEqual(expected);
      sums.dispose();
    }
  });
  it("bincount, denseBincount, diag", () =>
    forAll(fc.tuple(shapes(1, 2), seeds), ([shape, seed]) =>
      compareBackends(
        (x, weights, row, v) => [
          tf.bincount(tf.reshape(x!, [-1]) as tf.Tensor1D, tf.reshape(weights!, [-1]) as tf.Tensor1D, 4),
          tf.bincount(tf.reshape(x!, [-1]) as tf.Tensor1D, [] as never, 4),
          tf.denseBincount(row as tf.Tensor2D, tf.zerosLike(row!) as tf.Tensor2D, 4, true),
          tf.diag(v!),
        ],
        [ints(shape, seed, 0, 6), floats(shape, seed + 1), ints([2, 3], seed + 2, 0, 6), floats(shape, seed + 3)],
      ),
    ));
  it("multinomial draws what tfjs cpu draws", () =>
    forAll(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 6 }), seeds), ([rows, events, seed]) =>
      compareBackends((logits) => tf.multinomial(logits as tf.Tensor2D, 20, seed + 1), [floats([rows, events], seed)]),
    ));
  it("oneHot", () =>
    forAll(fc.tuple(shapes(1, 3), seeds, fc.integer({ min: 2, max: 6 })), ([shape, seed, depth]) =>
      compareBackends(
        (index) => [tf.oneHot(index!, depth), tf.oneHot(index!, depth, 2.5, -1, "float32")],
        [ints(shape, seed, -1, depth + 1)],
      ),
    ));
});

describe("resizing agrees with tfjs cpu", () => {
  const images = fc.tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.constantFrom("plain", "align", "half"),
    seeds,
  );
  it("bilinear and nearest", () =>
    forAll(
      images,
      ([n, height, width, c, outHeight, outWidth, mode, seed]) =>
        compareBackends(
          (x) => [
            tf.image.resizeBilinear(x as tf.Tensor4D, [outHeight, outWidth], mode === "align", mode === "half"),
            tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [outHeight, outWidth], mode === "align", mode === "half"),
          ],
          [floats([n, height, width, c], seed)],
        ),
      30,
    ));
  it("gradients (one square image: tfjs cpu swaps height and width of one kernel and misreads batches in the other)", () =>
    forAll(
      images.filter(
        ([, height, , , outHeight, outWidth, mode]) =>
          mode === "plain" || (mode === "align" && height > 1 && outHeight > 1 && outWidth > 1),
      ),
      ([, height, , c, outHeight, outWidth, mode, seed]) =>
        compareBackends(
          (x) => [
            tf.image.resizeBilinear(x as tf.Tensor4D, [outHeight, outWidth], mode === "align"),
            tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [outHeight, outWidth], mode === "align"),
          ],
          [floats([1, height, height, c], seed)],
          {},
          true,
        ),
      20,
    ));
});
