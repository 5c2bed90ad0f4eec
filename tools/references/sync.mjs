/**
 * Writes the `references` of every tsconfig.json from the dependencies in package.json, so that `tsc -b` builds in order.
 *
 *     node tools/references/sync.mjs [--check]
 *
 * `--check` changes nothing and exits with 1 when a file would change.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const check = process.argv.includes("--check");
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

const folders = ["packages", "plugins", "apps"]
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
  .concat(join(root, "tools/train-vae"))
  .filter((folder) => existsSync(join(folder, "tsconfig.json")));
const projects = folders.map((folder) => ({ folder, manifest: manifestOf(folder) }));
const folderOf = new Map(projects.map(({ folder, manifest }) => [manifest?.name, folder]));

function manifestOf(folder) {
  const path = join(folder, "package.json");
  return existsSync(path) ? readJson(path) : null;
}

/** Folders of the packages of this workspace that a project's sources import. */
function dependenciesOf({ dependencies, peerDependencies, devDependencies, nx }) {
  // The viewer is bundled: what it imports is installed for development only.
  const bundled = nx?.tags?.includes("layer:app") ? devDependencies : {};
  return Object.keys({ ...dependencies, ...required(peerDependencies), ...bundled })
    .filter((name) => folderOf.has(name))
    .map((name) => folderOf.get(name));
  function required(peers = {}) {
    return Object.fromEntries(Object.entries(peers).filter(([name]) => name === "@revq/core"));
  }
}

let changed = 0;
async function write(path, from, targets) {
  const config = readJson(path);
  config.references = targets.map((target) => ({ path: relative(from, target) })).map(withDot);
  const options = await resolveConfig(path);
  const text = await format(JSON.stringify(config), { ...options, parser: "json" });
  if (text === readFileSync(path, "utf8")) return;
  changed++;
  console.log(`${check ? "out of date" : "written"}: ${relative(root, path)}`);
  if (!check) writeFileSync(path, text);
}

function withDot({ path }) {
  return { path: path.startsWith(".") ? path : `./${path}` };
}

for (const { folder, manifest } of projects) {
  if (manifest) await write(join(folder, "tsconfig.json"), folder, dependenciesOf(manifest).sort());
}
await write(join(root, "tsconfig.json"), root, folders);
if (check && changed > 0) process.exitCode = 1;
