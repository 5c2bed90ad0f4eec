/**
 * Loads ONNX Runtime when it is first needed: onnxruntime-node in Node, onnxruntime-web in browsers
 * and workers.
 */
import { RevqError } from "@revq/core";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import type { providers } from "./options.js";

/** The part of `onnxruntime-node` and `onnxruntime-web` that this package uses. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (
    type: "float32" | "float16",
    data: Float32Array | Uint16Array,
    dims: readonly number[],
  ) => Tensor;
}

export type Provider = (typeof providers)[number];

let load: (() => Promise<unknown>) | undefined;

/**
 * For bundlers, which cannot follow a computed name:
 * `useOnnxRuntime(() => import("onnxruntime-web/webgpu"))`.
 */
export function useOnnxRuntime(loader: () => Promise<unknown>): void {
  load = loader;
}

function inNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return typeof process?.versions?.node === "string";
}

/** @throws RevqError `onnxruntime-missing` */
export async function loadRuntime(): Promise<OnnxRuntime> {
  const name = inNode() ? "onnxruntime-node" : "onnxruntime-web";
  try {
    const module = (await (load ? load() : import(/* @vite-ignore */ name))) as Partial<OnnxRuntime> & {
      default?: OnnxRuntime;
    };
    // A CommonJS module's exports are its default.
    return module.InferenceSession ? (module as OnnxRuntime) : module.default!;
  } catch (cause) {
    throw new RevqError("onnxruntime-missing", `${name} could not be loaded: ${(cause as Error).message}`, {
      fix: inNode()
        ? "Install it: npm install onnxruntime-node@1.30 (with npm_config_onnxruntime_node_install=skip it downloads no CUDA files)."
        : 'Install onnxruntime-web and call useOnnxRuntime(() => import("onnxruntime-web/webgpu")) first.',
      cause,
    });
  }
}
