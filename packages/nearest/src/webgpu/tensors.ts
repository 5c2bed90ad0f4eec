/**
 * The fused search as an operation on tensors on the GPU. It downloads no values and allocates no
 * tensor of size n x K.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, TensorInfo } from "@tensorflow/tfjs-core";
import { chooseConfig, distanceBody, flatDispatch, queriesPerWorkgroup, searchBody } from "./shader.js";

/** A program of tfjs's WebGPU backend (`webgpu_program.ts` of tfjs 4.22). */
interface Program {
  readonly variableNames: string[];
  readonly uniforms: string;
  readonly outputShape: number[];
  readonly workgroupSize: [number, number, number];
  dispatch: [number, number, number];
  readonly dispatchLayout: { x: number[]; y?: number[] };
  shaderKey: string;
  getUserCode(): string;
}

interface WebGPUBackendLike {
  runWebGPUProgram(
    program: Program,
    inputs: TensorInfo[],
    dtype: string,
    uniforms: { type: string; data: number[] }[],
  ): TensorInfo;
}

/** Whether the current tfjs backend can run `nearestCodesWebGPU`. */
export function webgpuSearchRuns(): boolean {
  return typeof (tf.backend() as unknown as Partial<WebGPUBackendLike>)?.runWebGPUProgram === "function";
}

/**
 * Finds the nearest code of every token on the GPU, by the definition of `nearestCodes`. Queues the
 * work and returns at once.
 *
 * Unlike `nearestCodes`, it does not check values: a NaN gets code 0 or is never chosen. A GPU may
 * take denormal numbers for zero.
 *
 * @param latents float32 `[samples, tokens, dim]`; token t searches codebook t % groups
 * @param codebooks float32 `[groups, codes, dim]`
 * @returns `indices` int32 and `distances` float32, both `[samples, tokens]`; the caller owns them
 * @throws RevqError `webgpu-backend` when tfjs's current backend is another; `nearest-shape`;
 *   `nearest-size`
 */
export function nearestCodesWebGPU(latents: Tensor3D, codebooks: Tensor3D): { indices: Tensor2D; distances: Tensor2D } {
  if (!webgpuSearchRuns()) {
    throw new RevqError("webgpu-backend", `The tfjs backend is "${tf.getBackend()}"; this search needs "webgpu".`, {
      fix: 'Call `tf.setBackend("webgpu")`, or use `nearestCodes` on arrays.',
    });
  }
  const [samples, tokens, dim] = latents.shape;
  const [groups, codes, codeDim] = codebooks.shape;
  if (dim !== codeDim || dim < 1 || codes < 1 || groups < 1) {
    throw new RevqError("nearest-shape", `Latents [${latents.shape}] do not fit codebooks [${codebooks.shape}].`);
  }
  if (samples * tokens === 0) {
    return { indices: tf.zeros([samples, tokens], "int32"), distances: tf.zeros([samples, tokens]) };
  }
  const queriesPerGroup = Math.ceil(tokens / groups) * samples;
  const config = chooseConfig(dim, queriesPerGroup);
  const across = Math.ceil(queriesPerGroup / queriesPerWorkgroup(config));
  if (across > 65535 || groups > 65535) {
    throw new RevqError(
      "nearest-size",
      `${queriesPerGroup} queries in each of ${groups} groups are too many for one GPU call.`,
      { fix: "Search in batches of samples." },
    );
  }
  const backend = tf.backend() as unknown as WebGPUBackendLike;
  const uniforms = [samples, tokens, groups, codes, 0].map((value) => ({ type: "int32", data: [value] }));
  const declared = "samples : i32, tokens : i32, groups : i32, codes : i32, zero : i32,";
  const { workgroup, slices, perThread, tile } = config;
  const search: Program = {
    variableNames: ["latents", "codebooks"],
    uniforms: declared,
    outputShape: [samples, tokens],
    workgroupSize: [workgroup, 1, 1],
    dispatch: [across, groups, 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `revqNearest_${dim}_${workgroup}_${slices}_${perThread}_${tile}`,
    getUserCode: () => searchBody(config),
  };
  const measure: Program = {
    variableNames: ["latents", "codebooks", "indices"],
    uniforms: declared,
    outputShape: [samples, tokens],
    workgroupSize: [256, 1, 1],
    dispatch: flatDispatch(samples * tokens),
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `revqNearestDistance_${dim}`,
    getUserCode: () => distanceBody(dim),
  };
  const wrap = (info: TensorInfo): Tensor => tf.engine().makeTensorFromTensorInfo(info);
  const indices = wrap(backend.runWebGPUProgram(search, [latents, codebooks], "int32", uniforms)) as Tensor2D;
  const distances = wrap(
    backend.runWebGPUProgram(measure, [latents, codebooks, indices], "float32", uniforms),
  ) as Tensor2D;
  return { indices, distances };
}
