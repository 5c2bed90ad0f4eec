/** tfjs `wasm` (XNNPACK in WebAssembly) with the kernels that training needs. */
import * as tf from "@tensorflow/tfjs-core";
import { importBackend } from "../backends.js";
import type { EngineDriver } from "../driver.js";
import { addWasmKernels } from "../wasm/add-kernels.js";
import { guardWasmMemory, wasmBackend } from "../wasm/heap.js";

export const wasm: EngineDriver = {
  id: "wasm",
  trains: true,
  async start({ wasmPath }) {
    const module = await importBackend("wasm", () => import("@tensorflow/tfjs-backend-wasm"));
    if (wasmPath !== undefined) module.setWasmPaths(wasmPath);
    return {
      backendName: "wasm",
      prepare() {
        guardWasmMemory(wasmBackend(tf.backend()));
        addWasmKernels();
      },
      describe() {
        const threads = module.getThreadsCount();
        return `WebAssembly (${threads === 1 ? "1 thread" : `${threads} threads`})`;
      },
      info: () => ({
        heapBytes: wasmBackend(tf.engine().registry["wasm"]).wasm.HEAPU8.byteLength,
        threads: module.getThreadsCount(),
      }),
    };
  },
};
