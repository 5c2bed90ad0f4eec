/** Asks for a GPU adapter and a device with everything that compute work can use of it. */
import { RevqError } from "@revq/core";
import type { AdapterDescription } from "../engine.js";

/** The limits that decide how large a tensor and a kernel may be. */
const computeLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxUniformBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const usefulFeatures = ["timestamp-query", "bgra8unorm-storage", "shader-f16", "subgroups"];

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|softrast|basic render|software/i;

/** `GPUAdapter.info` is in the standard, but not in the typings that tfjs brings. */
export type Adapter = GPUAdapter & { readonly info: GPUAdapterInfo };

/** @throws RevqError `webgpu-no-adapter` when there is none */
export async function requestAdapter(gpu: GPU, acceptSoftware: boolean): Promise<Adapter> {
  const adapter =
    (await gpu.requestAdapter({ powerPreference: "high-performance" })) ??
    (acceptSoftware ? await gpu.requestAdapter({ forceFallbackAdapter: true }) : null);
  if (adapter) return adapter as Adapter;
  throw new RevqError("webgpu-no-adapter", "WebGPU is there, but no GPU adapter was found.", {
    fix: "Install or update the GPU's driver (Linux: with Vulkan; check with vulkaninfo).",
    exitCode: 3,
  });
}

export function describeAdapter(adapter: Adapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const text = description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed GPU";
  const isFallback = (adapter.info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  return {
    vendor,
    architecture,
    description: text,
    software: isFallback || [vendor, architecture, device, description].some((name) => softwareNames.test(name)),
    features: featuresOf(adapter),
    limits: Object.fromEntries(computeLimits.map((name) => [name, adapter.limits[name] as number])),
  };
}

function featuresOf(adapter: GPUAdapter): string[] {
  return usefulFeatures.filter((feature) => adapter.features.has(feature));
}

/** A device with the adapter's full limits. tfjs's own registration leaves most at their small defaults. */
export function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: featuresOf(adapter) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(computeLimits.map((name) => [name, adapter.limits[name] as number])),
  });
}

/** @throws RevqError `webgpu-software` for an adapter that computes on the CPU, unless the user named the engine */
export function refuseSoftware(adapter: AdapterDescription | undefined, named: boolean): void {
  if (!adapter?.software || named) return;
  throw new RevqError("webgpu-software", `The only GPU adapter is a software one (${adapter.description}).`, {
    fix: "The CPU engines are faster; ask for it by name (--engine webgpu) to use it anyway.",
    exitCode: 3,
  });
}
