/**
 * Times one operation for `revq bench matmul` and `revq bench conv`, on the engine and on bare ONNX Runtime. The
 * difference is the cost of the layers between the two.
 */
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { gpuBytes, medianMs, peakRssMiB } from "./measure.js";
import type { OnnxChain } from "./onnx-chain.js";
import { openOnnxChain } from "./onnxruntime.js";

/** An operation whose output has the shape of its first input, so that it can be chained. */
export interface Kernel {
  /** For people: `matmul 1024^3 float32`. */
  readonly what: string;
  /** Multiplications and additions of one application. */
  readonly flops: number;
  /** The value that the chain starts with, and the constant of every step. New tensors, the caller's. */
  inputs(): [value: Tensor, constant: Tensor];
  apply(value: Tensor, constant: Tensor): Tensor;
  readonly onnx: OnnxChain;
}

/** float32 `[size, size]` x `[size, size]`. */
export function matmulKernel(size: number): Kernel {
  return {
    what: `matmul ${size}^3 float32`,
    flops: 2 * size ** 3,
    inputs: () => [tf.randomNormal([size, size]), tf.randomNormal([size, size], 0, size ** -0.5)],
    apply: (value, constant) => tf.matMul(value as Tensor2D, constant as Tensor2D),
    onnx: { op: "MatMul", valueShape: [size, size], constantShape: [size, size] },
  };
}

/** 3 x 3, padding `same`, as many channels out as in, on one image. tfjs keeps channels last, ONNX channels first. */
export function convolutionKernel(size: number, channels: number): Kernel {
  return {
    what: `3x3 convolution ${channels} -> ${channels} on ${size}x${size} float32`,
    flops: 2 * 9 * channels ** 2 * size ** 2,
    inputs: () => [
      tf.randomNormal([1, size, size, channels]),
      tf.randomNormal([3, 3, channels, channels], 0, (9 * channels) ** -0.5),
    ],
    apply: (value, constant) => tf.conv2d(value as Tensor4D, constant as Tensor4D, 1, "same"),
    onnx: {
      op: "Conv",
      valueShape: [1, channels, size, size],
      constantShape: [channels, channels, 3, 3],
      pads: [1, 1, 1, 1],
    },
  };
}

export interface KernelSpeed {
  /** Milliseconds of one application. */
  readonly ms: number;
  /** 10^9 multiplications and additions a second. */
  readonly gflops: number;
}

export interface KernelReport extends KernelSpeed {
  readonly engine: string;
  readonly what: string;
  /** Null where onnxruntime-node cannot be loaded. */
  readonly onnxruntime: KernelSpeed | null;
  /** The engine's milliseconds over those of ONNX Runtime: below 1 the engine is faster. */
  readonly ratio: number | null;
  readonly peakRssMiB: number;
  readonly gpuBytes: number | null;
}

export interface KernelOptions {
  readonly repeats: number;
  /** Applications in a chain, of which only the last value is read; default: about a tenth of a second, at most 32. */
  readonly chain?: number;
  readonly signal?: AbortSignal;
}

/** Medians of `repeats` chains, on the engine's backend and on bare ONNX Runtime. */
export async function benchKernel(
  kernel: Kernel,
  engine: Engine,
  { repeats, chain, signal }: KernelOptions,
): Promise<KernelReport> {
  const timing = signal ? { signal } : {};
  const [value, constant] = kernel.inputs();
  let steps: number;
  let ms: number;
  try {
    const run = (count: number) => (): Promise<void> => runChain(kernel, value, constant, count);
    steps = chain ?? chainLength(await medianMs(run(1), 1, timing));
    ms = (await medianMs(run(steps), repeats, timing)) / steps;
  } finally {
    tf.dispose([value, constant]);
  }
  const bare = await openOnnxChain(kernel.onnx, steps);
  let bareMs: number | null = null;
  try {
    if (bare) bareMs = (await medianMs(() => bare.run(), repeats, timing)) / steps;
  } finally {
    await bare?.dispose();
  }
  return {
    engine: engine.id,
    what: kernel.what,
    ...speed(kernel, ms),
    onnxruntime: bareMs === null ? null : speed(kernel, bareMs),
    ratio: bareMs === null ? null : ms / bareMs,
    peakRssMiB: peakRssMiB(),
    gpuBytes: gpuBytes(engine),
  };
}

/** Long enough that the time to read the last value does not matter, on a GPU above all. */
function chainLength(ms: number): number {
  return Math.max(1, Math.min(32, Math.floor(100 / ms)));
}

function speed({ flops }: Kernel, ms: number): KernelSpeed {
  return { ms, gflops: flops / ms / 1e6 };
}

async function runChain(kernel: Kernel, start: Tensor, constant: Tensor, steps: number): Promise<void> {
  const last = tf.tidy(() => {
    let value = start;
    for (let step = 0; step < steps; step++) {
      const next = kernel.apply(value, constant);
      if (value !== start) value.dispose();
      value = next;
    }
    return tf.sum(value);
  });
  await last.data();
  last.dispose();
}
