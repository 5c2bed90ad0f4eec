/**
 * tfjs `webgpu`, in the browser and in Node through Dawn. The backend is registered by us: tfjs's own registration asks for
 * features in a form that browsers reject, and fails on a null adapter.
 */
import { RevqError } from "@revq/core";
import { replaceBackend } from "../backends.js";
import type { EngineDriver } from "../driver.js";
import { describeAdapter, requestAdapter, requestDevice } from "../webgpu/adapter.js";
import { findGpu } from "../webgpu/find-gpu.js";
import { guardBackend, type GuardedBackend } from "../webgpu/guard.js";

const backendName = "webgpu";

export const webgpu: EngineDriver = {
  id: "webgpu",
  trains: true,
  async start({ probes, named }) {
    const found = await findGpu(probes);
    const gpuAdapter = await requestAdapter(found.gpu, named);
    const adapter = describeAdapter(gpuAdapter);
    if (adapter.software && !named) {
      throw new RevqError("webgpu-software", `The only GPU adapter is a software one (${adapter.description}).`, {
        fix: "The CPU engines are faster; ask for it by name (--engine webgpu) to use it anyway.",
        exitCode: 3,
      });
    }
    const device = await requestDevice(gpuAdapter);
    found.install();
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    const backend = new WebGPUBackend(device, gpuAdapter.info);
    const unhook = guardBackend(backend as unknown as GuardedBackend, device);
    replaceBackend(backendName, () => backend);
    return {
      backendName,
      adapter,
      describe: () => `${adapter.description}${adapter.software ? " (software)" : ""}, WebGPU through ${found.through}`,
      info: () => ({ gpuBytes: backend.bufferManager.numBytesAllocated }),
      release() {
        unhook();
        device.destroy();
        found.uninstall();
      },
    };
  },
};
