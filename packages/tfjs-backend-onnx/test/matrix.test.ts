import { describe, it } from "vitest";
import { compareBackends, fc, floats, forAll, ints, seeds, tf } from "./compare.js";

const size = fc.integer({ min: 1, max: 7 });
const activations = ["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu"] as const;

describe("matrix products agree with tfjs cpu", () => {
  it("matMul, batched and transposed", () =>
    forAll(
      fc.tuple(size, size, size, fc.array(size, { maxLength: 2 }), fc.boolean(), fc.boolean(), seeds),
      ([m, k, n, batch, transposeA, transposeB, seed]) => {
        const a = floats([...batch, ...(transposeA ? [k, m] : [m, k])], seed);
        const b = floats([...batch, ...(transposeB ? [n, k] : [k, n])], seed + 1);
        return compareBackends((x, y) => tf.matMul(x!, y!, transposeA, transposeB), [a, b], {}, true);
      },
      25,
    ));
  it("matMul with a broadcast batch", () =>
    forAll(fc.tuple(size, size, size, size, seeds), ([m, k, n, batch, seed]) =>
      compareBackends(
        (x, y) => [tf.matMul(x!, y!), tf.matMul(y!, x!, true, true)],
        [floats([batch, m, k], seed), floats([1, k, n], seed + 1)],
      ),
    ));
  it("matMul of whole numbers", () =>
    forAll(fc.tuple(size, size, size, fc.boolean(), seeds), ([m, k, n, transposeA, seed]) =>
      compareBackends(
        (x, y) => tf.matMul(x!, y!, transposeA),
        [ints(transposeA ? [k, m] : [m, k], seed), ints([k, n], seed + 1)],
      ),
    ));
  it("fused matMul", () =>
    forAll(
      fc.tuple(size, size, size, fc.constantFrom(...activations), fc.boolean(), seeds),
      ([m, k, n, activation, transposeB, seed]) =>
        compareBackends(
          (a, b, bias) =>
            tf.fused.matMul({
              a: a as tf.Tensor2D,
              b: b as tf.Tensor2D,
              transposeB,
              bias: bias!,
              activation,
              leakyreluAlpha: 0.1,
            }),
          [floats([m, k], seed), floats(transposeB ? [n, k] : [k, n], seed + 1), floats([n], seed + 2)],
          {},
          activation === "linear" || activation === "relu",
        ),
    ));
  it("dot, outerProduct, einsum", () =>
    forAll(fc.tuple(size, size, size, seeds), ([m, k, n, seed]) =>
      compareBackends(
        (x, y) => [
          tf.dot(x!, y!),
          tf.outerProduct(tf.reshape(x!, [-1]) as tf.Tensor1D, tf.reshape(y!, [-1]) as tf.Tensor1D),
          tf.einsum("ik,kj->ji", x!, y!),
        ],
        [floats([m, k], seed), floats([k, n], seed + 1)],
      ),
    ));
});
