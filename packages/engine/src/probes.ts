/**
 * What the engines ask of the machine, in one place, so that a test can stand in for a machine it does not run on.
 * Portable: Node's modules are reached through `process`, never imported.
 */
export interface EngineProbes {
  /** `process.versions.node`; undefined in a browser. */
  readonly nodeVersion: string | undefined;
  /** `process.platform`; `browser` elsewhere. */
  readonly platform: string;
  /** Imports a package that may be missing or broken, and rejects with the import's own error. */
  importOptional(name: string): Promise<unknown>;
  /** `navigator.gpu` where there is one. */
  navigatorGpu(): GPU | undefined;
  /** Whether the dynamic linker finds a shared library, by its file name. Undefined where that cannot be asked. */
  findsSharedLibrary(name: string): boolean | undefined;
}

export function defaultProbes(): EngineProbes {
  const node = nodeProcess();
  return {
    nodeVersion: node?.versions.node,
    platform: node?.platform ?? "browser",
    importOptional,
    navigatorGpu: () => (globalThis.navigator as Navigator | undefined)?.gpu,
    findsSharedLibrary: node ? (name) => dlopens(node, name) : () => undefined,
  };
}

/** Node's `process`, but not a bundler's stand-in. */
export function nodeProcess(): NodeJS.Process | undefined {
  const candidate = (globalThis as { process?: NodeJS.Process }).process;
  return typeof candidate?.versions?.node === "string" ? candidate : undefined;
}

/** From where this package is installed, else from the working directory (revq may be installed globally). */
async function importOptional(name: string): Promise<unknown> {
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

/** True when the error says that `name` itself is not installed, rather than something inside it. */
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
 * `process.dlopen` looks a library up exactly as the GPU layer will. A library that is no Node addon is found, then turned
 * down for that reason and closed again; only a missing one says so.
 */
function dlopens(node: NodeJS.Process, name: string): boolean {
  try {
    node.dlopen({ exports: {} }, name);
    return true;
  } catch (error) {
    return !/cannot open shared object|no such file|not found|image not found/i.test(String(error));
  }
}
