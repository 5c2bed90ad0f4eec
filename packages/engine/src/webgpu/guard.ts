/**
 * Makes tfjs's WebGPU backend (4.22) throw errors of the device. By itself it ignores them: a
 * buffer over a limit, a lost device or exhausted memory leave zeros in the results. Here the next
 * operation or download throws the first such error.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { DataType } from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";
import { firstLine } from "../reason.js";

/** The overridden part of tfjs's backend. */
export interface GuardedBackend {
  readonly tensorMap: { get(dataId: object): { readonly dtype: DataType; readonly shape: number[] } };
  uploadToGPU(dataId: object): void;
  runWebGPUProgram(...args: unknown[]): unknown;
  read(dataId: object): Promise<unknown>;
  readSync(dataId: object): unknown;
}

/**
 * Replaces methods of this instance. Returns a function that removes the listener of the device.
 */
export function guardBackend(backend: GuardedBackend, device: GPUDevice): () => void {
  let failure: RevqError | undefined;
  let live = true;
  const fail = (error: RevqError): void => {
    if (live) failure ??= error;
  };
  const onError = (event: Event): void => fail(deviceError((event as GPUUncapturedErrorEvent).error));
  device.addEventListener("uncapturederror", onError);
  void device.lost.then(({ reason, message }) =>
    fail(
      new RevqError("webgpu-device-lost", `The GPU device was lost (${reason || "unknown reason"}): ${message}`, {
        fix: "Start again. If it happens again, use a smaller batch or update the driver.",
      }),
    ),
  );
  const check = (): void => {
    if (failure) throw failure;
  };

  const { uploadToGPU, runWebGPUProgram, read, readSync } = backend;
  backend.uploadToGPU = (dataId) => {
    const { dtype, shape } = backend.tensorMap.get(dataId);
    requireFits(shape, dtype, device.limits);
    uploadToGPU.call(backend, dataId);
  };
  backend.runWebGPUProgram = (...args) => {
    check();
    try {
      return runWebGPUProgram.apply(backend, args);
    } catch (error) {
      throw isDispatchLimit(error)
        ? limitError(`An operation is too large for this GPU: ${(error as Error).message}`)
        : error;
    }
  };
  backend.read = async (dataId) => {
    check();
    const values = await read.call(backend, dataId);
    check();
    return values;
  };
  backend.readSync = (dataId) => {
    check();
    if (isOnHost(backend, dataId) || typeof OffscreenCanvas !== "undefined") return readSync.call(backend, dataId);
    throw new RevqError(
      "webgpu-sync-read",
      "Tensors on the GPU cannot be read synchronously here (dataSync, arraySync).",
      { fix: "Use `await tensor.data()` or `await tensor.array()`." },
    );
  };
  return () => {
    live = false;
    device.removeEventListener("uncapturederror", onError);
  };
}

/** Throws `webgpu-limit` if a tensor does not fit into one buffer of this device. */
export function requireFits(
  shape: readonly number[],
  dtype: DataType,
  limits: Pick<GPUSupportedLimits, "maxBufferSize" | "maxStorageBufferBindingSize">,
): void {
  const bytes = tf.util.sizeFromShape([...shape]) * (dtype === "complex64" ? 8 : 4);
  const maxBytes = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  if (!(bytes > maxBytes)) return; // or NaN, from tfjs's shapes of empty tensors
  throw limitError(
    `A ${dtype} tensor [${shape.join(", ")}] needs ${mebibytes(bytes)} MiB in one buffer; ` +
      `this GPU allows ${mebibytes(maxBytes)} MiB.`,
  );
}

function limitError(message: string): RevqError {
  return new RevqError("webgpu-limit", message, {
    fix: "Use a smaller batch or image size, or the engine `onnx`.",
    setting: { path: "engine", value: "onnx" },
  });
}

function isDispatchLimit(error: unknown): boolean {
  return error instanceof Error && error.message.includes("ispatch size exceeds WebGPU");
}

function isOnHost(backend: GuardedBackend, dataId: object): boolean {
  const { values, dtype } = backend.tensorMap.get(dataId) as { values?: unknown; dtype: DataType };
  return (values !== null && values !== undefined) || dtype === "string";
}

function deviceError(error: GPUError): RevqError {
  const outOfMemory = error.constructor.name === "GPUOutOfMemoryError";
  return new RevqError(
    outOfMemory ? "webgpu-memory" : "webgpu-error",
    outOfMemory
      ? "The GPU's memory is exhausted."
      : `The GPU refused an operation, so results would be wrong: ${firstLine(error)}`,
    { fix: outOfMemory ? "Use a smaller batch." : "Use a smaller batch or another engine, and report this." },
  );
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
