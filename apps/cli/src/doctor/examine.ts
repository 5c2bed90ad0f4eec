/** Examines a machine for `revq doctor`, without network and without writing anything. */
import { engineIds, type AdapterDescription, type EngineId } from "@revq/engine";
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, homedir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { checkEngine, chosenByAuto, type CheckOptions } from "./check-engine.js";
import type { EngineCheck } from "./engine-check.js";
import { onnxCommand } from "./onnx-command.js";
import { readVersions, satisfies, type Versions } from "./versions.js";

export interface DoctorReport {
  readonly node: { readonly version: string; readonly wanted: string; readonly ok: boolean };
  /** Null: not installed. */
  readonly versions: Versions;
  readonly machine: {
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
  };
  /** In the order in which `auto` tries them. */
  readonly engines: readonly EngineCheck[];
  /** Adds the engine `onnx` to this installation, from the package registry alone. */
  readonly onnxCommand: string;
  /** At least one engine can train here. */
  readonly trains: boolean;
  /** The engine that `--engine auto` chooses; null when it fails. */
  readonly auto: EngineId | null;
  readonly adapter: (AdapterDescription & { readonly shaderF16: boolean; readonly subgroups: boolean }) | null;
  readonly tfjsNodeGpu: { readonly installed: string | null; readonly nodeFits: boolean };
  readonly disk: { readonly folder: string; readonly freeGiB: number | null };
  readonly hubCache: { readonly folder: string; readonly from: "HF_HOME" | "default"; readonly exists: boolean };
}

export interface ExamineOptions {
  /** Versions of revq, and of Node that it needs. */
  readonly revq: string;
  readonly wantedNode: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly check: CheckOptions;
  /** The engines that are checked; default all. */
  readonly engines?: readonly EngineId[];
  onEngine(id: EngineId, done: number, total: number): void;
}

const gibibyte = 2 ** 30;
/** tfjs-node 4.22 calls functions that this version of Node removed. */
const firstNodeWithoutTfjsNode = 23;

export async function examine(options: ExamineOptions): Promise<DoctorReport> {
  const { revq, wantedNode, folder, env, check, onEngine, engines: ids = engineIds } = options;
  const versions = await readVersions(revq, folder);
  const engines: EngineCheck[] = [];
  // One after the other: at the same time they would slow each other down.
  for (const [done, id] of ids.entries()) {
    onEngine(id, done, ids.length);
    engines.push(await checkEngine(id, check));
  }
  const auto = await chosenByAuto(check);
  const adapter = engines.find(({ adapter }) => adapter !== null)?.adapter ?? null;
  const { node } = versions;
  return {
    node: { version: node, wanted: wantedNode, ok: satisfies(node, wantedNode) },
    versions,
    machine: {
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown processor",
      cores: availableParallelism(),
      memoryGiB: totalmem() / gibibyte,
    },
    engines,
    onnxCommand: onnxCommand(),
    trains: engines.some(({ ok, trains }) => ok && trains),
    auto,
    adapter: adapter && {
      ...adapter,
      shaderF16: adapter.features.includes("shader-f16"),
      subgroups: adapter.features.includes("subgroups"),
    },
    tfjsNodeGpu: { installed: versions.tfjsNodeGpu, nodeFits: Number.parseInt(node, 10) < firstNodeWithoutTfjsNode },
    disk: { folder, freeGiB: await freeGiB(folder) },
    hubCache: hubCache(env),
  };
}

async function freeGiB(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return (bavail * bsize) / gibibyte;
  } catch {
    return null;
  }
}

/** The folder of downloads, shared with Hugging Face's tools. */
export function hubCache(env: ExamineOptions["env"]): DoctorReport["hubCache"] {
  const home = env["HF_HOME"];
  const folder = home ? resolve(home) : join(homedir(), ".cache", "huggingface");
  return { folder, from: home ? "HF_HOME" : "default", exists: existsSync(folder) };
}
