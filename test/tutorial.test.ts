/**
 * docs/tutorial-plugin.md, followed to the letter in an empty folder: its files are written, its commands run. Installing is a link to the
 * workspace's packages here; the part with a registry is what tools/publishing/try.mjs does.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { codeBlocks, commandsOf } from "./support/markdown.js";
import { sampleImages, temporaryFolder } from "./support/revq.js";

const run = promisify(execFile);
const example = resolve("examples/custom-plugin");
const files = codeBlocks("docs/tutorial-plugin.md").filter(({ title }) => /\.\w+$/.test(title));

/** What each command printed. */
const said = new Map<string, string>();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let project: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  let cwd = folder.path;
  await symlink(resolve("node_modules"), join(cwd, "node_modules"));
  const { CI: _ci, ...inherited } = process.env;
  const env = { ...inherited, REVQ_TEST_ENGINES: "cpu", NO_COLOR: "1", npm_config_loglevel: "notice" };
  for (const block of codeBlocks("docs/tutorial-plugin.md")) {
    if (block.title.includes(".")) {
      await mkdir(dirname(join(cwd, block.title)), { recursive: true });
      await writeFile(join(cwd, block.title), block.code);
    } else if (block.language === "sh" && block.title !== "registry") {
      for (const command of commandsOf(block)) {
        const [, into] = /^cd (.*)$/.exec(command) ?? [];
        if (into !== undefined) {
          cwd = join(cwd, into);
          await cp(join(sampleImages, (await readdir(sampleImages))[0]!), join(cwd, "photo.jpg"));
        } else if (command !== "npm install") {
          const { stdout, stderr } = await run("bash", ["-c", command.replace("@revq/cli", "revq")], { cwd, env });
          said.set(command, stdout + stderr);
        }
      }
    }
  }
  project = cwd;
}, 400_000);
afterAll(() => folder?.remove());

const saidBy = (start: string): string => [...said].find(([command]) => command.startsWith(start))?.[1] ?? "";

it("writes the example, and the example is nothing else", async () => {
  for (const { title, code } of files.filter((file) => /^(src|test)\//.test(file.title)))
    expect(await readFile(join(example, title), "utf8"), title).toBe(code);
  const listed = async (part: string): Promise<string[]> =>
    (await readdir(join(example, part))).map((name) => `${part}/${name}`);
  const sources = [...(await listed("src")), ...(await listed("test"))].sort();
  expect(
    files
      .map(({ title }) => title)
      .filter((title) => /^(src|test)\//.test(title))
      .sort(),
  ).toEqual(sources);
});

it("ends with a plugin that passes the kit and its own tests", () => {
  expect(saidBy("npm test")).toMatch(/Test Files {2}2 passed/);
});

it("ends with a plugin that trains, encodes and decodes", async () => {
  expect(saidBy("npx revq plugins --plugin")).toContain("The nearest point of the lattice D4");
  const { quantizer, layout } = JSON.parse(await readFile(join(project, "tokenizer", "config.json"), "utf8")) as {
    quantizer: { id: string };
    layout: { grid: { shape: number[]; patch: number[] } };
  };
  expect(quantizer.id).toBe("lattice");
  // Strips of four of 8 x 8 positions, one for each of 8 channels.
  expect(layout.grid).toMatchObject({ shape: [8, 2, 8], patch: [1, 4] });
  const { images } = JSON.parse(await readFile(join(project, "ids.json"), "utf8")) as { images: { ids: number[] }[] };
  const ids = images[0]!.ids;
  expect(ids.length).toBe(128);
  expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 1201)).toBe(true);
  expect(await readdir(join(project, "again"))).toEqual(["photo.png"]);
});

it("errs less than the even grid at no more bits", async () => {
  const csv = (await readFile(join(project, "compared", "trials.csv"), "utf8")).trim().split("\n");
  const [header, ...rows] = csv.map((line) => line.split(","));
  const of = (trial: string, column: string): number =>
    Number(rows.find(([name]) => name === trial)![header!.indexOf(column)]);
  expect(rows.map(([name]) => name)).toEqual(["lattice", "even-grid"]);
  expect(of("lattice", "bitsPerImage")).toBeLessThan(of("even-grid", "bitsPerImage"));
  expect(of("lattice", "quantizedMse")).toBeLessThan(of("even-grid", "quantizedMse"));
});

it("packs the plugin with its code and types", () => {
  for (const path of ["dist/index.js", "dist/index.d.ts", "dist/d4.js", "README.md"])
    expect(saidBy("npm pack")).toContain(path);
});
