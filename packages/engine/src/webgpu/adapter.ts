/** Requests a GPU adapter, and a device with all its limits and features for computing. */
import { RevqError } from "@revq/core";
import type { AdapterDescription } from "../engine.js";

/** The limits on the size of tensors and kernels. */
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

/** `GPUAdapter.info` is in the standard, but not in tfjs's typings. */
export type Adapter = GPUAdapter & { readonly info: GPUAdapterInfo };

/** An adapter. Throws `webgpu-no-adapter` if there is none. */
export async function requestAdapter(gpu: GPU, acceptSoftware: boolean): Promise<Adapter> {
  const adapter =
    (await gpu.requestAdapter({ powerPreference: "high-performance" })) ??
    (acceptSoftware ? await gpu.requestAdapter({ forceFallbackAdapter: true }) : null);
  if (adapter) return adapter as Adapter;
  throw new RevqError("webgpu-no-adapter", "WebGPU is available, but it finds no GPU adapter.", {
    fix: "Install or update the GPU's driver. On Linux it must support Vulkan: check with vulkaninfo.",
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

/** A device with the adapter's full limits. tfjs's own registration keeps most small defaults. */
export function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: featuresOf(adapter) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(computeLimits.map((name) => [name, adapter.limits[name] as number])),
  });
}

/** Throws `webgpu-software` for an adapter that computes on the CPU, unless the user named it. */
export function refuseSoftware(adapter: AdapterDescription | undefined, named: boolean): void {
  if (!adapter?.software || named) return;
  throw new RevqError("webgpu-software", `The only GPU adapter is a software one (${adapter.description}).`, {
    fix: "Use a CPU engine, which is faster, or name the engine `webgpu` to use this adapter anyway.",
    setting: { path: "engine" },
  });
}
