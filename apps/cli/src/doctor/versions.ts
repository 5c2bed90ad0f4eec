/** Reads installed versions from package.json files. Nothing is imported, so nothing can crash. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @param from files or folders whose `import` would find the package; tried in this order
 * @returns null when it is not installed
 */
export async function installedVersion(name: string, from: readonly string[]): Promise<string | null> {
  for (const place of from) {
    for (const folder of createRequire(place).resolve.paths(name) ?? []) {
      try {
        const manifest = JSON.parse(await readFile(join(folder, name, "package.json"), "utf8")) as { version?: string };
        if (manifest.version !== undefined) return manifest.version;
      } catch {
        // Not in this folder.
      }
    }
  }
  return null;
}

export interface Versions {
  readonly revq: string;
  readonly node: string;
  readonly tfjs: string | null;
  readonly onnxruntime: string | null;
  readonly webgpu: string | null;
  readonly tfjsNode: string | null;
  readonly tfjsNodeGpu: string | null;
}

/** @param folder the working folder: tfjs-node may be installed there while revq is installed elsewhere */
export async function readVersions(revq: string, folder: string): Promise<Versions> {
  const here = fileURLToPath(import.meta.url);
  const user = join(folder, "package.json");
  const through = (name: string): string => fileURLToPath(import.meta.resolve(name));
  const places = [here, through("@revq/engine"), user];
  const version = (name: string): Promise<string | null> => installedVersion(name, places);
  return {
    revq,
    node: process.versions.node,
    tfjs: await version("@tensorflow/tfjs-core"),
    onnxruntime: await version("onnxruntime-node"),
    webgpu: await version("webgpu"),
    tfjsNode: await version("@tensorflow/tfjs-node"),
    tfjsNodeGpu: await version("@tensorflow/tfjs-node-gpu"),
  };
}

/** @param range `>=X.Y.Z`, the only form in revq's package.json */
export function satisfies(version: string, range: string): boolean {
  const numbers = (text: string): number[] =>
    text
      .replace(/^>=\s*/, "")
      .split(".")
      .map((part) => Number.parseInt(part, 10));
  const [have, want] = [numbers(version), numbers(range)];
  const at = want.findIndex((part, i) => have[i] !== part);
  return at === -1 || have[at]! > want[at]!;
}
