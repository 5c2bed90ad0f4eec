/**
 * tfjs `webgpu`, in the browser and in Node through Dawn. Registers the backend itself: tfjs's own
 * registration requests features in a form that browsers reject, and fails on a null adapter.
 */
import { replaceBackend } from "../backends.js";
import type { EngineDriver } from "../driver.js";
import { describeAdapter, refuseSoftware, requestAdapter, requestDevice } from "../webgpu/adapter.js";
import { findGpu } from "../webgpu/find-gpu.js";
import { guardBackend, type GuardedBackend } from "../webgpu/guard.js";
import { replaceWebGpuKernels } from "../webgpu/replace-kernels.js";

const backendName = "webgpu";

export const webgpu: EngineDriver = {
  id: "webgpu",
  trains: true,
  native: true,
  async start({ probes, named }) {
    const found = await findGpu(probes);
    const gpuAdapter = await requestAdapter(found.gpu, named);
    const adapter = describeAdapter(gpuAdapter);
    refuseSoftware(adapter, named);
    const device = await requestDevice(gpuAdapter);
    found.install();
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    const backend = new WebGPUBackend(device, gpuAdapter.info);
    const unhook = guardBackend(backend as unknown as GuardedBackend, device);
    replaceBackend(backendName, () => backend);
    return {
      backendName,
      adapter,
      prepare: replaceWebGpuKernels,
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
