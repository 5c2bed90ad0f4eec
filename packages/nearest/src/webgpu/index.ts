/** @revq/nearest/webgpu: the search on the GPU, for tensors of tfjs's WebGPU backend. */
export { nearestCodesWebGPU, webgpuSearchRuns } from "./tensors.js";
