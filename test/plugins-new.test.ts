/** `revq plugins new`: what it writes builds, passes the conformance kit and trains, as it is. */
import { execFile } from "node:child_process";
import { mkdir, readdir, symlink, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

vi.setConfig({ testTimeout: 180_000 });

const kinds = ["backbone", "transform", "quantizer", "rectifier"] as const;
const modules = resolve("node_modules");
const folder = await temporaryFolder();
const cwd = folder.path;
const run = promisify(execFile);

beforeAll(async () => {
  await symlink(modules, join(cwd, "node_modules"));
  for (const kind of kinds) await revqJson(["plugins", "new", `my-${kind}`, "--kind", kind, "-o", kind], { cwd });
});
afterAll(() => folder.remove());

describe.each(kinds)("a new %s", (kind) => {
  it("compiles and is found by its folder", async () => {
    await run(process.execPath, [join(modules, "typescript/bin/tsc")], { cwd: join(cwd, kind) });
    const { plugins } = (await revqJson(["plugins", "--plugin", `./${kind}`, "--kind", kind], { cwd })) as {
      plugins: { id: string; origin: string }[];
    };
    expect(plugins).toContainEqual(expect.objectContaining({ id: `my-${kind}`, origin: `revq-${kind}-my-${kind}` }));
  });
});

it("all pass the conformance kit", async () => {
  const { CI: _ci, ...environment } = process.env;
  const { stdout } = await run(process.execPath, [join(modules, "vitest/vitest.mjs"), "run", "--root", cwd], {
    cwd,
    env: { ...environment, REVQ_TEST_ENGINES: "cpu", NO_COLOR: "1" },
  });
  expect(stdout).toMatch(/Test Files {2}4 passed/);
});

it("train together", async () => {
  const chosen = kinds.flatMap((kind) => [`--${kind}`, `my-${kind}`, "--plugin", `./${kind}`]);
  const data = ["--data", "synthetic:dead-leaves", "--image-size", "32", "--set", "data.limit=24", "--epochs", "1"];
  const result = await revqJson(["train", ...chosen, ...data, "-o", "tokenizer"], { cwd });
  expect(result).toMatchObject({ latentShape: [3, 4, 4], tokens: 48, codes: 8, usage: 1 });
  const { layout } = JSON.parse(await readFile(join(cwd, "tokenizer", "config.json"), "utf8")) as {
    layout: { grid: { shape: number[] } };
  };
  // The transform has blocks of two columns: two positions of three channels in a cell.
  expect(layout.grid.shape).toEqual([4, 2, 6]);
});

it("refuses names and folders that cannot be", async () => {
  expect(await revq(["plugins", "new", "My VQ"], { cwd })).toMatchObject({ code: 2 });
  const before = await readdir(join(cwd, "quantizer"));
  const again = await revq(["plugins", "new", "other", "-o", "quantizer"], { cwd });
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("is not empty");
  expect(await readdir(join(cwd, "quantizer"))).toEqual(before);
  await mkdir(join(cwd, "unbuilt"));
  await revqJson(["plugins", "new", "unbuilt", "-o", "unbuilt"], { cwd });
  const unbuilt = await revq(["plugins", "--plugin", "./unbuilt"], { cwd });
  expect(unbuilt.code).toBe(1);
  expect(unbuilt.stderr).toContain("Build it and install its dependencies");
});
