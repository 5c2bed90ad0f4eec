/** @revq/nearest/webgpu: the fused search on the GPU, for tensors of tfjs's WebGPU backend or on a bare device. */
export { nearestCodesOnDevice, type ComputeDevice, type DeviceBuffer } from "./device.js";
export { nearestCodesWebGPU, webgpuSearchRuns } from "./tensors.js";
