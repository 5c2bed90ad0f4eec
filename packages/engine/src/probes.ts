/**
 * The engines' queries of the machine, in one place, so that a test can simulate other machines.
 * Portable: it reaches Node's modules through `process` and imports none.
 */
import type { EngineId } from "./engine-ids.js";
import { nodeProcess } from "./node-process.js";
import { crashOf, suspicion } from "./trial.js";

export { nodeProcess } from "./node-process.js";

export interface EngineProbes {
  /** `process.versions.node`; undefined in a browser. */
  readonly nodeVersion: string | undefined;
  /** `process.platform`; `browser` elsewhere. */
  readonly platform: string;
  /** The variable `REVQ_ONNX_PROVIDER`: where the engine `onnx` runs its graphs, `cpu` (default) or `webgpu`. */
  readonly onnxProvider?: string | undefined;
  /** Imports a package that may be missing or broken, and rejects with the import's own error. */
  importOptional(name: string): Promise<unknown>;
  /** `navigator.gpu`, if any. */
  navigatorGpu(): GPU | undefined;
  /** Whether the dynamic linker finds a shared library of this file name; undefined if unknown. */
  findsSharedLibrary(name: string): boolean | undefined;
  /** Why native libraries may end the process here: "this CPU has no AVX"; undefined elsewhere. */
  suspicion(): string | undefined;
  /** Starts an engine in a process of its own; how that one crashed, or null. */
  crashOf(id: EngineId): Promise<string | null>;
}

export function defaultProbes(): EngineProbes {
  const node = nodeProcess();
  return {
    nodeVersion: node?.versions.node,
    platform: node?.platform ?? "browser",
    onnxProvider: node?.env["REVQ_ONNX_PROVIDER"],
    importOptional,
    navigatorGpu: () => (globalThis.navigator as Navigator | undefined)?.gpu,
    findsSharedLibrary: node ? (name) => dlopens(node, name) : () => undefined,
    suspicion,
    crashOf,
  };
}

/** For packages that are no dependency. Imports from this package, else from the working directory: revq may be installed globally. */
export async function importOptional(name: string): Promise<unknown> {
  try {
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  } catch (error) {
    const node = nodeProcess();
    if (!node || !isMissingModule(error, name)) throw error;
    const { createRequire } = node.getBuiltinModule("node:module");
    const { pathToFileURL } = node.getBuiltinModule("node:url");
    let path: string;
    try {
      path = createRequire(`${node.cwd()}/`).resolve(name);
    } catch {
      throw error;
    }
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ pathToFileURL(path).href);
  }
}

/** True if `name` itself is not installed; false if something inside it is missing. */
export function isMissingModule(error: unknown, name: string): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code;
  const missing =
    code === "ERR_MODULE_NOT_FOUND" ||
    code === "MODULE_NOT_FOUND" ||
    /^Cannot find (package|module)/.test(error.message);
  return missing && error.message.includes(name);
}

/**
 * `process.dlopen` looks a library up as the GPU layer does. For a library that is not a Node addon
 * it throws another error than for a missing one.
 */
function dlopens(node: NodeJS.Process, name: string): boolean {
  try {
    node.dlopen({ exports: {} }, name);
    return true;
  } catch (error) {
    return !/cannot open shared object|no such file|not found|image not found/i.test(String(error));
  }
}
