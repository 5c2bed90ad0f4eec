/** The door to ONNX Runtime: onnxruntime-node in Node, onnxruntime-web in browsers and workers, each loaded when first needed. */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import type { providers } from "./options.js";

/** What this package uses of `onnxruntime-node` and `onnxruntime-web`; both have it. */
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

/** For bundlers, which cannot follow a name that is computed: `useOnnxRuntime(() => import("onnxruntime-web/webgpu"))`. */
export function useOnnxRuntime(loader: () => Promise<unknown>): void {
  load = loader;
}

export function inNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return typeof process?.versions?.node === "string";
}

/** Throws `onnxruntime-missing`. */
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
        ? "Install it: npm install onnxruntime-node@1.30 (npm_config_onnxruntime_node_install=skip leaves out its CUDA download)."
        : 'Install onnxruntime-web and call useOnnxRuntime(() => import("onnxruntime-web/webgpu")) first.',
      exitCode: 3,
      cause,
    });
  }
}

/** The provider that fits the tfjs backend that is up. */
export function providerOfEngine(): Provider {
  const backend = tf.getBackend();
  if (backend === "webgpu") return "webgpu";
  const onCuda = backend === "tensorflow" && (tf.backend() as { isGPUPackage?: boolean }).isGPUPackage === true;
  return onCuda ? "cuda" : "cpu";
}
