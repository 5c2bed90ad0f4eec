/** The entry to WebGPU: the browser's `navigator.gpu`, or in Node the package `webgpu` (Dawn). */
import { RevqError } from "@revq/core";
import { isMissingModule, type EngineProbes } from "../probes.js";
import { firstLine } from "../reason.js";

const packageName = "webgpu";

export interface FoundGpu {
  readonly gpu: GPU;
  readonly through: "the browser" | "Dawn";
  /** Makes it `navigator.gpu` with the WebGPU globals, which tfjs reads. */
  install(): void;
  /** Takes it back: Node does not exit while `navigator.gpu` holds it. */
  uninstall(): void;
}

interface DawnModule {
  create(options: string[]): GPU;
  readonly globals: object;
}

/** @throws RevqError when there is no WebGPU here, with the reason */
export async function findGpu(probes: EngineProbes): Promise<FoundGpu> {
  const gpu = probes.navigatorGpu();
  if (gpu) return { gpu, through: "the browser", install() {}, uninstall() {} };
  if (probes.nodeVersion === undefined) {
    throw new RevqError("webgpu-missing", "This browser has no WebGPU (or the page is not served over https).", {
      fix: "Use a recent Chrome, Edge, Firefox or Safari, over https or localhost.",
      exitCode: 3,
    });
  }
  // Dawn prints a warning of its own when the loader is missing, so it is not asked then.
  if (probes.platform === "linux" && probes.findsSharedLibrary("libvulkan.so.1") === false) {
    throw new RevqError("webgpu-no-vulkan", "No GPU can be reached: the Vulkan loader (libvulkan.so.1) is missing.", {
      fix: "Where there is a GPU, install its driver and the loader (Debian, Ubuntu: apt install libvulkan1).",
      exitCode: 3,
    });
  }
  return inNode(await loadDawn(probes));
}

async function loadDawn(probes: EngineProbes): Promise<DawnModule> {
  try {
    return (await probes.importOptional(packageName)) as DawnModule;
  } catch (error) {
    const missing = isMissingModule(error, packageName);
    throw new RevqError(
      "webgpu-missing",
      missing
        ? `The package ${packageName} is not installed.`
        : `The package ${packageName} does not load: ${firstLine(error)}`,
      { fix: `npm install ${packageName}`, exitCode: 3, cause: error },
    );
  }
}

function inNode(dawn: DawnModule): FoundGpu {
  const gpu = dawn.create([]);
  return {
    gpu,
    through: "Dawn",
    install() {
      Object.assign(globalThis, dawn.globals);
      if (!globalThis.navigator) {
        // Node 20 has no navigator; hidden, so that nobody takes this for a browser by listing globals.
        Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true, writable: true });
      }
      Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
    },
    uninstall() {
      if (globalThis.navigator?.gpu === gpu) delete (globalThis.navigator as { gpu?: GPU }).gpu;
    },
  };
}
