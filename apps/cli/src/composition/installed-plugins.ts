/**
 * Finds installed plugin packages: dependencies with the keyword `revq-plugin` of the project in the working folder and of
 * the projects above it, then packages installed beside this command line, which may be global (`npm install --global`).
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Manifest {
  name?: string;
  exports?: unknown;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  keywords?: string[];
}

export interface InstalledPackage {
  readonly name: string;
  readonly manifest: Manifest;
  /** The folder that it is imported from: its own or an upper `node_modules` has the package. */
  readonly from: string;
}

const keyword = "revq-plugin";

/**
 * Nearest first, every name once.
 *
 * @param own a file of the command line: packages beside it are found
 */
export async function installedPlugins(
  folder: string,
  own = fileURLToPath(import.meta.url),
): Promise<InstalledPackage[]> {
  const found = new Map<string, InstalledPackage>();
  const add = (each: InstalledPackage | null): void => {
    if (each?.manifest.keywords?.includes(keyword) && !found.has(each.name)) found.set(each.name, each);
  };
  for (const project of upwards(folder))
    for (const name of (await dependenciesOf(project)) ?? []) add(await findPackage(name, project));
  for (const modules of upwards(dirname(own)).filter((path) => basename(path) === "node_modules")) {
    const project = dirname(modules);
    // A global installation of npm has no manifest; everything in it was installed by name.
    const names = (await dependenciesOf(project)) ?? (await namesIn(modules));
    for (const name of names) add(await findPackage(name, project));
  }
  return [...found.values()];
}

/** The package that Node finds from a folder, with its manifest; null when it is not installed. */
export async function findPackage(name: string, folder: string): Promise<InstalledPackage | null> {
  for (const place of upwards(folder)) {
    const manifest = await readManifest(join(place, "node_modules", name, "package.json"));
    if (manifest) return { name, manifest, from: place };
  }
  return null;
}

/** Looks from the working folder first, then from the command line. */
export async function findPlugin(name: string, folder: string): Promise<InstalledPackage | null> {
  return (await findPackage(name, folder)) ?? findPackage(name, dirname(fileURLToPath(import.meta.url)));
}

/** The name of the package that a file or folder belongs to; null where it has none. */
export async function packageNameOf(path: string): Promise<string | null> {
  for (const folder of upwards(path)) {
    const manifest = await readManifest(join(folder, "package.json"));
    if (manifest) return manifest.name ?? null;
  }
  return null;
}

/** Null when the file is missing or no JSON. */
export async function readManifest(path: string): Promise<Manifest | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Manifest;
  } catch {
    return null;
  }
}

async function dependenciesOf(project: string): Promise<string[] | null> {
  const manifest = await readManifest(join(project, "package.json"));
  return manifest && Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
}

/** Names of the packages in a `node_modules`, scoped ones too. */
async function namesIn(modules: string): Promise<string[]> {
  const list = (path: string): Promise<string[]> => readdir(path).catch(() => []);
  const names = await Promise.all(
    (await list(modules)).map(async (name) =>
      name.startsWith("@") ? (await list(join(modules, name))).map((inner) => `${name}/${inner}`) : [name],
    ),
  );
  return names.flat();
}

/** The folder and all folders above it. */
function upwards(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}
