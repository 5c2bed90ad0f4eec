/** Reads a config file: YAML, JSON, or a module whose default export is the configuration (`defineConfig`). */
import { isRevqError, RevqError } from "@revq/core";
import type { ConfigLayer } from "@revq/train/config";
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { firstLineOf } from "../errors/message-of.js";

const moduleExtensions = [".js", ".mjs", ".ts", ".mts"];

/** Throws `config-missing`, `config-syntax`. */
export async function readConfigFile(path: string): Promise<ConfigLayer> {
  let text: string;
  try {
    text = await readFile(resolve(path), "utf8");
  } catch (cause) {
    throw new RevqError("config-missing", `The config file ${path} cannot be read: ${reasonOf(cause)}.`, {
      fix: "`revq config > revq.yaml` writes a first config file.",
      cause,
    });
  }
  const values = moduleExtensions.includes(extname(path)) ? await importDefault(path) : await parseText(text, path);
  if (values === null) return {};
  if (typeof values !== "object" || Array.isArray(values)) {
    throw new RevqError("config-syntax", `${path} holds no keys.`, {
      fix: "`revq config` prints an example.",
    });
  }
  return values as ConfigLayer;
}

async function parseText(text: string, path: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    return parse(text) as unknown;
  } catch (cause) {
    throw new RevqError("config-syntax", `${path} is not YAML or JSON: ${firstLineOf(cause)}`, {
      cause,
    });
  }
}

async function importDefault(path: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
    if (module.default !== undefined) return module.default;
    throw new RevqError("config-syntax", `${path} has no default export.`, {
      fix: "Write `export default defineConfig({ … })`, with defineConfig from @revq/cli.",
    });
  } catch (cause) {
    if (isRevqError(cause)) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new RevqError("config-syntax", `Node ${process.versions.node} does not import TypeScript: ${path}.`, {
        fix: "Use Node 22.18 or newer, or name the file .mjs (with // @ts-check editors still check its types).",
        cause,
      });
    }
    throw new RevqError("config-syntax", `${path} cannot be imported: ${firstLineOf(cause)}`, { cause });
  }
}

function reasonOf(error: unknown): string {
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return { ENOENT: "it does not exist", EISDIR: "it is a folder", EACCES: "reading it is not allowed" }[code] ?? code;
}
