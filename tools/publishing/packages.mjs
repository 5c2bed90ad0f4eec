/** The packages that are published, packed as npm packs them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const workspace = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const tool = (name) => resolve(dirname(fileURLToPath(import.meta.url)), "node_modules/.bin", name);

/** Manifests of everything that is not private, with their folders. */
export function publishedPackages() {
  return ["packages", "plugins", "apps"].flatMap((group) =>
    readdirSync(join(workspace, group))
      .map((name) => join(workspace, group, name))
      .filter((folder) => existsSync(join(folder, "package.json")))
      .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
      .filter(({ manifest }) => !manifest.private),
  );
}

/** Packs all of them into `target`; returns `{ name, file, size, unpackedSize, files }` of each. */
export function packAll(target) {
  mkdirSync(target, { recursive: true });
  return publishedPackages().map(({ folder, manifest }) => {
    const output = execFileSync(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", target],
      { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 },
    );
    const [packed] = JSON.parse(output);
    return {
      name: manifest.name,
      manifest,
      file: join(target, packed.filename.replace(/^@/, "").replace("/", "-")),
      size: packed.size,
      unpackedSize: packed.unpackedSize,
      files: packed.files.map(({ path }) => path),
    };
  });
}
