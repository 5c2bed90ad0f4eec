/** Finds WebGPU: the browser's `navigator.gpu`, or in Node the package `webgpu` (Dawn). */
import { RevqError } from "@revq/core";
import { isMissingModule, type EngineProbes } from "../probes.js";
import { firstLine } from "../reason.js";

const packageName = "webgpu";

export interface FoundGpu {
  readonly gpu: GPU;
  readonly through: "the browser" | "Dawn";
  /** Sets `navigator.gpu` and the WebGPU globals, which tfjs reads. */
  install(): void;
  /** Removes `navigator.gpu`: Node does not exit while it is set. */
  uninstall(): void;
}

interface DawnModule {
  create(options: string[]): GPU;
  readonly globals: object;
}

/** Throws a `RevqError` with the reason if there is no WebGPU. */
export async function findGpu(probes: EngineProbes): Promise<FoundGpu> {
  const gpu = probes.navigatorGpu();
  if (gpu) return { gpu, through: "the browser", install() {}, uninstall() {} };
  if (probes.nodeVersion === undefined) {
    throw new RevqError("webgpu-missing", "This browser has no WebGPU (or the page is not served over https).", {
      fix: "Use a recent Chrome, Edge, Firefox or Safari, over https or localhost.",
    });
  }
  // Checked first, because Dawn prints a warning if the loader is missing.
  if (probes.platform === "linux" && probes.findsSharedLibrary("libvulkan.so.1") === false) {
    throw new RevqError("webgpu-no-vulkan", "The Vulkan loader (libvulkan.so.1) is missing, so no GPU can be used.", {
      fix: "If there is a GPU, install its driver and the loader (Debian, Ubuntu: apt install libvulkan1).",
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
      { fix: `Install it: npm install ${packageName}.`, cause: error },
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
        // Node 20 has no navigator. Not enumerable, so that lists of globals do not suggest a
        // browser.
        Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true, writable: true });
      }
      Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
    },
    uninstall() {
      if (globalThis.navigator?.gpu === gpu) delete (globalThis.navigator as { gpu?: GPU }).gpu;
    },
  };
}
