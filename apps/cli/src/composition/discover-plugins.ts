/**
 * Loads plugins: the bundled ones, the installed ones, and those that `--plugin` or a config file names. A plugin that
 * cannot be loaded is reported and left out, unless the user named it.
 */
import { isPlugin, isRevqError, RevqError, type Plugin } from "@revq/core";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { firstLineOf } from "../errors/message-of.js";
import { includedPlugins } from "./included-plugins.js";
import { findPlugin, installedPlugins, packageNameOf, readManifest, type Manifest } from "./installed-plugins.js";

export interface FoundPlugin {
  readonly plugin: Plugin;
  /** The package or path it came from. */
  readonly origin: string;
}

const { version: coreVersion } = createRequire(import.meta.url)("@revq/core/package.json") as { version: string };

export interface Discovery {
  readonly plugins: readonly FoundPlugin[];
  /** One line for each installed plugin package that could not be loaded. */
  readonly problems: readonly string[];
}

/** @param named packages and paths that `--plugin` and the config file name */
export async function discoverPlugins(named: readonly string[], folder: string): Promise<Discovery> {
  const plugins: FoundPlugin[] = [];
  const problems: string[] = [];
  const included = Object.entries(includedPlugins);
  const modules = await Promise.all(included.map(([, load]) => load()));
  for (const [i, [origin]] of included.entries()) plugins.push(...pluginsOf(modules[i]!, origin));
  for (const { name, manifest, from } of await installedPlugins(folder)) {
    if (name in includedPlugins || named.includes(name)) continue;
    try {
      await requireThisCore(name, manifest);
      const found = requirePlugins(pluginsOf(await importPackage(name, from), name), name);
      for (const { plugin } of found) {
        const other = plugins.find((each) => each.plugin.kind === plugin.kind && each.plugin.id === plugin.id);
        if (other)
          throw new Error(`its ${plugin.kind} id "${plugin.id}" is taken by ${other.origin}. Remove one of the two.`);
      }
      plugins.push(...found);
    } catch (error) {
      const fix = isRevqError(error) && error.fix ? ` ${error.fix}` : "";
      problems.push(`The plugin package ${name} was left out: ${firstLineOf(error)}${fix}`);
    }
  }
  for (const name of named) if (!(name in includedPlugins)) plugins.push(...(await loadNamed(name, folder)));
  return { plugins, problems };
}

async function loadNamed(name: string, folder: string): Promise<FoundPlugin[]> {
  const path = resolve(folder, name);
  const isPath = existsSync(path);
  const installed = isPath ? null : await findPlugin(name, folder);
  await requireThisCore(name, isPath ? await readManifest(join(path, "package.json")) : (installed?.manifest ?? null));
  let module: object;
  try {
    module = isPath ? await importPath(path) : await importPackage(name, installed?.from ?? folder);
  } catch (cause) {
    throw new RevqError("plugin-not-loaded", `The plugin ${name} cannot be loaded: ${firstLineOf(cause)}.`, {
      fix: isPath
        ? "Build it and install its dependencies: npm install && npm run build in its folder."
        : `Check the path, or install the package: npm install ${name}.`,
      cause,
    });
  }
  // The tokenizer records the package, so that others know what to install.
  const origin = isPath ? ((await packageNameOf(path)) ?? path) : name;
  return requirePlugins(pluginsOf(module, origin), name);
}

function requirePlugins(found: FoundPlugin[], name: string): FoundPlugin[] {
  if (found.length > 0) return found;
  throw new RevqError("plugin-descriptor", `${name} exports no plugin.`, {
    fix: "Export the result of `definePlugin` from @revq/core.",
  });
}

/** Refuses a plugin for another version of the contracts before any of its code runs. */
async function requireThisCore(name: string, manifest: Manifest | null): Promise<void> {
  const wanted = manifest?.peerDependencies?.["@revq/core"];
  if (wanted === undefined) return;
  const { satisfies, validRange } = await import("semver");
  if (validRange(wanted) === null || satisfies(coreVersion, wanted, { includePrerelease: true })) return;
  throw new RevqError(
    "plugin-core-version",
    `${name} is made for @revq/core ${wanted}; this revq has ${coreVersion}.`,
    { fix: `Install versions that fit each other: npm install ${name}@latest @revq/cli@latest.` },
  );
}

function pluginsOf(module: object, origin: string): FoundPlugin[] {
  return [...new Set(Object.values(module))].filter(isPlugin).map((plugin) => ({ plugin, origin }));
}

/** @param path a file, or the folder of a built package */
async function importPath(path: string): Promise<object> {
  if (!(await stat(path)).isDirectory()) return import(pathToFileURL(path).href);
  const manifest = await readManifest(join(path, "package.json"));
  // A package may import itself by its name, which reads `exports`; its folder's path would read `main` only.
  const own = manifest?.exports !== undefined && manifest.name !== undefined ? manifest.name : path;
  return import(pathToFileURL(createRequire(join(path, "package.json")).resolve(own)).href);
}

async function importPackage(name: string, folder: string): Promise<object> {
  const require = createRequire(join(folder, "package.json"));
  return import(pathToFileURL(require.resolve(name)).href);
}
