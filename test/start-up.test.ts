/** What the command line loads before it does anything: no tensor library, no engine, no image codec. */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "./support/revq.js";

const binary = fileURLToPath(new URL("../apps/cli/bin/revq.js", import.meta.url));
const cli = fileURLToPath(new URL("../apps/cli", import.meta.url));
const folder = await temporaryFolder();
const trace = join(folder.path, "trace.mjs");
const list = join(folder.path, "modules.txt");

/** Packages that take long to load, or much memory. */
const heavy =
  /node_modules\/(@tensorflow|onnxruntime-\w+|sharp|@img|webgpu)\/|packages\/(engine|nearest|data|tfjs-backend-onnx)\//;

/** ES modules go through the hook; CommonJS modules are in Node's cache at the end. */
beforeAll(async () => {
  const hooks = join(folder.path, "hooks.mjs");
  await writeFile(
    hooks,
    `import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(list)}, url + "\\n");
  return next(url, context);
}`,
  );
  await writeFile(
    trace,
    `import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";
register(${JSON.stringify(pathToFileURL(hooks).href)});
const { cache } = createRequire(import.meta.url);
process.on("exit", () => appendFileSync(${JSON.stringify(list)}, Object.keys(cache).join("\\n") + "\\n"));`,
  );
});
afterAll(() => folder.remove());

async function modulesOf(args: readonly string[]): Promise<string[]> {
  await writeFile(list, "");
  const { status, stderr } = spawnSync(process.execPath, ["--import", pathToFileURL(trace).href, binary, ...args], {
    cwd: folder.path,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return (await readFile(list, "utf8")).split("\n").filter((line) => line !== "");
}

describe("revq loads no tensor library, engine or image codec", () => {
  const calls = [
    "--version",
    "--help",
    "train --help",
    "bench --help",
    "plugins",
    "plugins --kind transform --json",
    "config",
    "config --preset 512T --json",
    "config --schema",
  ];
  it.each(calls)("for revq %s", async (call) => {
    const modules = await modulesOf(call.split(" "));
    expect(modules.some((module) => module.includes("revq.js"))).toBe(true);
    expect(modules.filter((module) => heavy.test(module))).toEqual([]);
  });

  it("and none of its own commands for help and version", async () => {
    for (const flag of ["--help", "--version"]) {
      const modules = await modulesOf([flag]);
      expect(modules.filter((module) => module.includes("/dist/commands/"))).toEqual([]);
    }
  });
});

it("has a manifest of the commands as they are", async () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(cli, "scripts", "manifest.mjs"), "--print"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  expect(status, stderr).toBe(0);
  expect(JSON.parse(await readFile(join(cli, "oclif.manifest.json"), "utf8"))).toEqual(JSON.parse(stdout));
});
