import { describe, it } from "vitest";
import { compareBackends, fc, floats, forAll, seeds, tf } from "./compare.js";

const small = fc.integer({ min: 1, max: 3 });
const channels = fc.integer({ min: 1, max: 5 });
const padding = fc.constantFrom("same" as const, "valid" as const);
const base = fc.record({
  n: small,
  height: fc.integer({ min: 4, max: 9 }),
  width: fc.integer({ min: 4, max: 9 }),
  c: channels,
  kernelHeight: small,
  kernelWidth: small,
  pad: padding,
  seed: seeds,
});

describe("convolutions agree with tfjs cpu", () => {
  it("conv2d and both gradients", () =>
    forAll(
      fc.tuple(base, channels, small, small),
      ([{ n, height, width, c, kernelHeight, kernelWidth, pad, seed }, out, strideHeight, strideWidth]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [strideHeight, strideWidth], pad),
          [floats([n, height, width, c], seed), floats([kernelHeight, kernelWidth, c, out], seed + 1)],
          {},
          true,
        ),
      30,
    ));
  it("conv2d with stride 1, where the input gradient is a convolution", () =>
    forAll(
      fc.tuple(base, channels),
      ([{ n, height, width, c, kernelHeight, kernelWidth, pad, seed }, out]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad),
          [floats([n, height, width, c], seed), floats([kernelHeight, kernelWidth, c, out], seed + 1)],
          {},
          true,
        ),
      20,
    ));
  it("conv2d 1x1", () =>
    forAll(
      fc.tuple(base, channels),
      ([{ n, height, width, c, pad, seed }, out]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad),
          [floats([n, height, width, c], seed), floats([1, 1, c, out], seed + 1)],
          {},
          true,
        ),
      6,
    ));
  it("conv2d dilated", () =>
    forAll(
      fc.tuple(base, channels, fc.constantFrom(1, 2)),
      ([{ n, height, width, c, pad, seed }, out, dilation]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, "NHWC", dilation),
          [floats([n, height, width, c], seed), floats([2, 2, c, out], seed + 1)],
        ),
      10,
    ));
  it("conv2d with numbers as padding and with rounding", () =>
    forAll(
      fc.tuple(base, channels, small, fc.constantFrom("floor" as const, "ceil" as const, "round" as const)),
      ([{ n, height, width, c, seed }, out, stride, rounding]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, 1, "NHWC", 1, rounding),
          [floats([n, height, width, c], seed), floats([3, 3, c, out], seed + 1)],
          {},
          rounding === "floor",
        ),
      12,
    ));
  it("conv2d with explicit padding", () =>
    forAll(
      fc.tuple(base, channels),
      ([{ n, height, width, c, seed }, out]) =>
        compareBackends(
          (x, w) =>
            tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, [
              [0, 0],
              [1, 2],
              [0, 1],
              [0, 0],
            ]),
          [floats([n, height, width, c], seed), floats([2, 3, c, out], seed + 1)],
          {},
          true,
        ),
      8,
    ));
  it("conv2d in NCHW", () =>
    forAll(
      fc.tuple(base, channels),
      ([{ n, height, width, c, kernelHeight, kernelWidth, pad, seed }, out]) =>
        compareBackends(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, "NCHW"),
          [floats([n, c, height, width], seed), floats([kernelHeight, kernelWidth, c, out], seed + 1)],
        ),
      8,
    ));
  it("fused conv2d", () =>
    forAll(
      fc.tuple(base, channels, fc.constantFrom("linear" as const, "relu" as const, "relu6" as const, "elu" as const)),
      ([{ n, height, width, c, pad, seed }, out, activation]) =>
        compareBackends(
          (x, w, bias) =>
            tf.fused.conv2d({
              x: x as tf.Tensor4D,
              filter: w as tf.Tensor4D,
              strides: 1,
              pad,
              bias: bias!,
              activation,
            }),
          [floats([n, height, width, c], seed), floats([3, 3, c, out], seed + 1), floats([out], seed + 2)],
          {},
          activation === "linear" || activation === "relu",
        ),
      10,
    ));
  it("conv2dTranspose and its gradients", () =>
    forAll(
      fc.tuple(base, channels, small),
      ([{ n, height, width, c, kernelHeight, kernelWidth, seed }, out, stride]) =>
        compareBackends(
          (x, w) =>
            tf.conv2dTranspose(
              x as tf.Tensor4D,
              w as tf.Tensor4D,
              [n, height * stride, width * stride, out],
              stride,
              "same",
            ),
          [floats([n, height, width, c], seed), floats([kernelHeight, kernelWidth, out, c], seed + 1)],
          {},
          true,
        ),
      12,
    ));
  it("conv1d, separableConv2d", () =>
    forAll(
      base,
      ({ n, height, width, c, seed }) =>
        compareBackends(
          (x, d, p) => [
            tf.separableConv2d(x as tf.Tensor4D, d as tf.Tensor4D, p as tf.Tensor4D, 1, "same"),
            tf.conv1d(
              tf.reshape(x!, [n, height * width, c]) as tf.Tensor3D,
              tf.reshape(d!, [9, c, 2]) as tf.Tensor3D,
              1,
              "same",
            ),
          ],
          [floats([n, height, width, c], seed), floats([3, 3, c, 2], seed + 1), floats([1, 1, c * 2, 3], seed + 2)],
          {},
          true,
        ),
      6,
    ));
  it("depthwiseConv2d and both gradients", () =>
    forAll(
      fc.tuple(base, fc.integer({ min: 1, max: 2 }), small),
      ([{ n, height, width, c, kernelHeight, kernelWidth, pad, seed }, multiplier, stride]) =>
        compareBackends(
          (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad),
          [floats([n, height, width, c], seed), floats([kernelHeight, kernelWidth, c, multiplier], seed + 1)],
          {},
          true,
        ),
      30,
    ));
  // Whole blocks of channels take another way, see src/kernels/blocked.ts.
  it("depthwiseConv2d of many channels and both gradients", () =>
    forAll(
      fc.tuple(base, fc.constantFrom(16, 32, 48), small, small),
      ([{ n, height, width, kernelHeight, kernelWidth, pad, seed }, channels, stride, dilation]) => {
        const dilated = stride === 1 && pad === "same" ? dilation : 1;
        return compareBackends(
          (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad, "NHWC", dilated),
          [floats([n, height, width, channels], seed), floats([kernelHeight, kernelWidth, channels, 1], seed + 1)],
          {},
          dilated === 1, // tfjs has no gradient of dilated ones
        );
      },
      30,
    ));
  it("depthwiseConv2d dilated, and fused", () =>
    forAll(
      base,
      ({ n, height, width, c, pad, seed }) =>
        compareBackends(
          (x, w, bias) => [
            tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, "NHWC", 2),
            tf.fused.depthwiseConv2d({
              x: x as tf.Tensor4D,
              filter: w as tf.Tensor4D,
              strides: 1,
              pad,
              bias: bias!,
              activation: "relu",
            }),
          ],
          [floats([n, height, width, c], seed), floats([2, 2, c, 1], seed + 1), floats([c], seed + 2)],
        ),
      8,
    ));
  it("maxPool and avgPool with gradients", () =>
    forAll(
      fc.tuple(base, small),
      ([{ n, height, width, c, kernelHeight, kernelWidth, pad, seed }, stride]) =>
        compareBackends(
          (x) => [
            tf.maxPool(x as tf.Tensor4D, [kernelHeight, kernelWidth], stride, pad),
            tf.avgPool(x as tf.Tensor4D, [kernelHeight, kernelWidth], stride, pad),
          ],
          [floats([n, height, width, c], seed)],
          {},
          true,
        ),
      20,
    ));
  it("maxPool gives the error to the first of equals", () =>
    forAll(
      base,
      ({ n, height, width, c, seed }) =>
        compareBackends(
          (x) => tf.maxPool(tf.round(x!) as tf.Tensor4D, 3, 2, "same"),
          [floats([n, height, width, c], seed)],
        ),
      4,
    ));
});
