/**
 * Looks at every tarball as its users get it: what is in it, `publint`, `@arethetypeswrong/cli`, and that it depends on all it imports.
 * usage: node lint.mjs [--write]   (--write: puts the table of sizes into docs/packages.md)
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll, tool, workspace } from "./packages.mjs";

/** Packages of other people's work. */
const otherLicences = { "@revq/weights-lpips": "BSD-3-Clause AND BSD-2-Clause" };

const folder = mkdtempSync(join(tmpdir(), "revq-lint-"));
const problems = [];
let packed;
try {
  packed = packAll(folder);
  for (const each of packed) {
    const say = (what) => problems.push(`${each.name}: ${what}`);
    checkFiles(each, say);
    checkManifest(each.manifest, say);
    checkImports(each, say);
    run(tool("publint"), [each.file, "--strict"], say);
    run(tool("attw"), [each.file, "--profile", "esm-only", "--format", "ascii", "--no-color"], say);
    process.stderr.write(".");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stderr.write("\n");

const table = sizeTable(packed);
console.log(table);
if (process.argv.includes("--write")) writeFileSync(join(workspace, "docs/packages.md"), table);
for (const problem of problems) console.error(problem);
if (problems.length) process.exitCode = 1;

function checkFiles({ files, manifest }, say) {
  for (const needed of ["LICENSE", "README.md", "package.json"]) if (!files.includes(needed)) say(`no ${needed}`);
  for (const kind of [".js", ".d.ts"])
    if (!files.some((file) => file.startsWith("dist/") && file.endsWith(kind))) say(`no ${kind}`);
  const stray = files.filter((file) => /(^|\/)(test|node_modules)\/|tsbuildinfo|\.test\./.test(file));
  if (stray.length) say(`should not have ${stray.slice(0, 3).join(", ")}`);
  for (const target of targets(manifest.exports))
    if (!files.includes(target.slice(2))) say(`exports ${target}, which is not in it`);
}

function checkManifest(manifest, say) {
  if (manifest.license !== (otherLicences[manifest.name] ?? "MIT"))
    say(`the licence ${manifest.license} is not expected`);
  if (manifest.type !== "module") say("is not ESM");
  for (const field of ["description", "engines", "exports", "files"]) if (!manifest[field]) say(`no ${field}`);
  if (manifest.keywords?.includes("revq-plugin") && !manifest.peerDependencies?.["@revq/core"]) {
    say("a plugin must peer-depend on @revq/core");
  }
}

/** Every bare import of the built code is a dependency, so that no workspace link hides a missing one. */
function checkImports({ file, manifest }, say) {
  if (manifest.name === "@revq/plugin-template") return; // its code is text for others
  const unpacked = mkdtempSync(join(folder, "unpacked-"));
  execFileSync("tar", ["-xzf", file, "-C", unpacked]);
  const declared = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
    manifest.name,
  ]);
  const dist = join(unpacked, "package");
  const missing = new Set();
  for (const entry of readdirSync(dist, { recursive: true })) {
    if (!/^dist\/.*\.(js|d\.ts)$/.test(entry)) continue;
    const text = readFileSync(join(dist, entry), "utf8").replace(/^\s*(\*|\/\/|\/\*).*$/gm, "");
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'.][^"']*)["']/g)) {
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      if (!/^(@[\w.-]+\/)?[\w.-]+$/.test(name)) continue;
      if (name.startsWith("node:") || builtinModules.includes(name)) continue;
      if (!declared.has(name)) missing.add(`${name} (${entry})`);
    }
  }
  if (missing.size) say(`imports what it does not depend on: ${[...missing].join(", ")}`);
}

function targets(exports) {
  if (typeof exports === "string") return [exports];
  return Object.values(exports ?? {}).flatMap(targets);
}

function run(command, args, say) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) say(`${command.split("/").at(-1)}:\n${stdout}${stderr}`);
}

function sizeTable(all) {
  const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`);
  const rows = all
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      (each) => `| \`${each.name}\` | ${each.manifest.description} | ${size(each.size)} | ${size(each.unpackedSize)} |`,
    );
  return `# The packages\n\nSizes of the tarballs as npm packs them, without dependencies (\`node tools/publishing/lint.mjs --write\`).\n\n| package | what it is | tarball | unpacked |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}
