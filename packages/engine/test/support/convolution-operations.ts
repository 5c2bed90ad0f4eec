/** Convolutions, pooling and resizing of images, with random shapes. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { image, type Case, type Operation } from "./operation.js";

export type Padding = "same" | "valid" | [[0, 0], [number, number], [number, number], [0, 0]];

export const padding: fc.Arbitrary<Padding> = fc.oneof(
  fc.constantFrom("same" as const, "valid" as const),
  fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)).map(([top, bottom, left, right]): Padding => [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]),
);
export const filterSize = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }));
export const strides = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }));
export const setting = fc.record({
  kernel: filterSize,
  stride: strides,
  pad: padding,
  channels: fc.integer({ min: 1, max: 6 }),
});

export const convolution: Operation = {
  name: "conv2d",
  cases: fc.tuple(image, setting).map(([dims, { kernel, stride, pad, channels }]): Case => ({
    inputs: [{ shape: dims }, { shape: [...kernel, dims[3], channels] }],
    settings: { stride, pad },
    run: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, stride, pad),
  })),
};

export const pointwise: Operation = {
  name: "conv2d 1x1",
  cases: fc.tuple(image, fc.integer({ min: 1, max: 9 })).map(([dims, channels]): Case => ({
    inputs: [{ shape: dims }, { shape: [1, 1, dims[3], channels] }],
    run: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same"),
  })),
};

export const dilated: Operation = {
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

export const transposedConvolution: Operation = {
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

export const depthwise: Operation = {
  name: "depthwiseConv2d",
  cases: fc
    .tuple(image, filterSize, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), padding)
    .map(([dims, kernel, stride, multiplier, pad]): Case => ({
      inputs: [{ shape: dims }, { shape: [...kernel, dims[3], multiplier] }],
      settings: { stride, pad },
      run: (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, stride, pad),
    })),
};

export const pool = (
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

/**
 * Single square images made larger: elsewhere tfjs cpu has gradients of its own (transposed, NaN,
 * or of the wrong image).
 */
export const resize = (
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

export const fusedConvolution: Operation = {
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
