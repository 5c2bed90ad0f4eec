/** The examples as their readers run them: each README's commands, in a copy of the folder. Only the install is a link to the workspace's packages. */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { build, preview, type PreviewServer } from "vite";
import { launchBrowser, noBrowser, openPage } from "./support/browser.js";
import { codeBlocks, commandsOf } from "./support/markdown.js";
import { relativeDifferences } from "./support/near-ties.js";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";

vi.setConfig({ testTimeout: 180_000 });

const run = promisify(execFile);
const folder = await temporaryFolder();
const photo = join(sampleImages, (await readdir(sampleImages))[0]!);
afterAll(() => folder.remove());

/** Copies an example and runs its commands but `npm install`; what the last one said. */
async function follow(example: string, skip: RegExp = /^npm install$/): Promise<{ cwd: string; said: string }> {
  const cwd = join(folder.path, example);
  await cp(resolve("examples", example), cwd, { recursive: true });
  await symlink(resolve("node_modules"), join(cwd, "node_modules"));
  await sharp(photo).resize(100, 80).toFile(join(cwd, "photo.jpg"));
  let said = "";
  for (const command of codeBlocks(`examples/${example}/README.md`).flatMap(commandsOf)) {
    if (!skip.test(command)) said = (await run("bash", ["-c", command], { cwd })).stdout;
  }
  return { cwd, said };
}

it("are what examples/README.md lists, each a project without a path out of it", async () => {
  const entries = await readdir("examples", { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const list = await readFile("examples/README.md", "utf8");
  expect([...list.matchAll(/\]\((.*?)\/README\.md\)/g)].map(([, name]) => name!).sort()).toEqual(folders.sort());
  for (const name of folders)
    expect(await readFile(`examples/${name}/package.json`, "utf8")).not.toMatch(/file:|link:/);
});

it("node: a picture becomes ids and a picture again", async () => {
  const { cwd, said } = await follow("node");
  expect(said).toMatch(/^100 x 80 pixels, \d+ ids, \d+ bytes\n/);
  const [before, after] = await Promise.all(
    ["photo.jpg", "again.png"].map((name) => sharp(join(cwd, name)).removeAlpha().raw().toBuffer()),
  );
  expect(after!.length).toBe(before!.length);
  const mse = before!.reduce((sum, value, i) => sum + (value - after![i]!) ** 2, 0) / before!.length;
  expect(10 * Math.log10(255 ** 2 / mse)).toBeGreaterThan(15);
  await revqJson(["encode", "tokenizer", "photo.jpg", "--tile", "-o", "ids.json"], { cwd });
  const { images } = JSON.parse(await readFile(join(cwd, "ids.json"), "utf8")) as { images: { ids: number[] }[] };
  expect(said).toContain(`the first ten: ${images[0]!.ids.slice(0, 10).join(" ")}`);
});

it("ablation: every trial is run, and the best ones are printed", async () => {
  const { cwd, said } = await follow("ablation");
  const rows = (await readFile(join(cwd, "compared", "trials.csv"), "utf8")).trim().split("\n").slice(1);
  expect(rows.length).toBe(5);
  const best = said
    .trim()
    .split("\n")
    .map((line) =>
      line
        .match(/(\d+) bits {2}latent mse ([\d.]+)/)!
        .slice(1)
        .map(Number),
    );
  expect(best.length).toBeGreaterThan(1);
  for (const [i, [bits, mse]] of best.entries()) {
    if (i === 0) continue;
    expect(bits).toBeGreaterThan(best[i - 1]![0]!);
    expect(mse).toBeLessThan(best[i - 1]![1]!);
  }
});

describe.skipIf(noBrowser)(`browser${noBrowser && ` (skipped: ${noBrowser})`}`, () => {
  let server: PreviewServer;
  let cwd: string;
  beforeAll(async () => {
    ({ cwd } = await follow("browser", /^npm install$|^npx vite$/));
    await build({ root: cwd, logLevel: "error" });
    server = await preview({ root: cwd, logLevel: "error", preview: { port: 0, host: "127.0.0.1" } });
  }, 180_000);
  afterAll(() => server?.close());

  it("computes in WebAssembly without WebGPU, gives the ids of the command line, and shows the picture", async () => {
    const picture = join(cwd, "photo.png");
    await writeFile(picture, await sharp(photo).resize(64, 64).png().toBuffer());
    await mkdir(join(cwd, "of-cli"));
    await revqJson(["encode", "public/tokenizer", "photo.png", "-o", "of-cli/ids.json"], { cwd });
    const { images } = JSON.parse(await readFile(join(cwd, "of-cli", "ids.json"), "utf8")) as {
      images: { ids: number[] }[];
    };
    const browser = await launchBrowser(false);
    try {
      const { page, complaints } = await openPage(browser, server.resolvedUrls!.local[0]!);
      await page.getByText(/^Computing on wasm: WebAssembly/).waitFor();
      await page.locator("input:enabled").setInputFiles(picture);
      await page.getByText(/are \d+ ids\./).waitFor();
      const ids = (await page.locator("pre").textContent())!.split(" ").map(Number);
      const differences = await relativeDifferences(join(cwd, "public", "tokenizer"), picture, images[0]!.ids, ids);
      for (const difference of differences) expect(difference).toBeLessThan(1e-4);
      expect(ids.length).toBe(images[0]!.ids.length);
      const shown = await page.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return { size: [canvas.width, canvas.height], pixels: [...data] };
      });
      expect(shown.size).toEqual([64, 64]);
      const original = await sharp(picture).ensureAlpha().raw().toBuffer();
      const mse = original.reduce((sum, value, i) => sum + (value - shown.pixels[i]!) ** 2, 0) / original.length;
      expect(10 * Math.log10(255 ** 2 / mse)).toBeGreaterThan(15);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
