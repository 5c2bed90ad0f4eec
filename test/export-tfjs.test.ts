/** `revq export --to tfjs` as a web developer uses it: the example of its README, bundled and opened in a browser. */
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, noBrowser, openPage } from "./support/browser.js";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";
import { startStaticHost } from "./support/view.js";

const repository = fileURLToPath(new URL("..", import.meta.url));
const inViewer = createRequire(join(repository, "apps/viewer/package.json"));
const inEngine = createRequire(join(repository, "packages/engine/package.json"));
const side = 32;

/** What is used of Vite, which is the viewer's. */
interface Vite {
  build(config: object): Promise<unknown>;
  readonly defaultClientConditions: readonly string[];
}
interface PluginContext {
  resolve(source: string, importer: string, options: { readonly skipSelf: boolean }): Promise<unknown>;
}

interface Shown {
  readonly ids: readonly number[];
  readonly pixels: readonly number[];
}

describe.skipIf(noBrowser)(`export --to tfjs${noBrowser && ` (skipped: ${noBrowser})`}`, { timeout: 180_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cwd: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await temporaryFolder();
    cwd = folder.path;
    await mkdir(join(cwd, "photos"));
    await mkdir(join(cwd, "site/wasm"), { recursive: true });
    const names = (await readdir(sampleImages)).filter((_, i) => i % 3 === 0).slice(0, 12);
    for (const name of names) await cp(join(sampleImages, name), join(cwd, "photos", name));
    // Of the trained size, so that the browser and the command line have the same pixels without resizing.
    await sharp(join(sampleImages, names[0]!)).resize(side, side).png().toFile(join(cwd, "site/photo.png"));
    const wasm = dirname(inEngine.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm"));
    for (const name of await readdir(wasm))
      if (name.endsWith(".wasm")) await cp(join(wasm, name), join(cwd, "site/wasm", name));
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await folder.remove();
  });

  it.each([
    ["linear", "multigroup", ["--tokens", "16", "--codes", "16"]],
    ["sd-vae", "residual", ["--codes", "8"]], // the VAE that comes with revq
  ])("%s and %s: the ids and pixels of the command line", async (backbone, quantizer, options) => {
    const small = ["--image-size", `${side}`, "--epochs", "1", "--rectifier", "cnn", "--set", "rectifier.channels=8"];
    const chosen = ["--backbone", backbone, "--quantizer", quantizer, ...options];
    await revqJson(["train", "--data", "photos", ...small, ...chosen, "-o", backbone], { cwd });
    const name = `exported-${backbone}`;
    await revqJson(["export", backbone, "--to", "tfjs", "-o", `site/${name}`], { cwd });
    await revqJson(["encode", backbone, "site/photo.png", "-o", `${backbone}.json`], { cwd });
    await revqJson(["decode", backbone, `${backbone}.json`, "-o", `${backbone}-out`], { cwd });
    const { images } = JSON.parse(await readFile(join(cwd, `${backbone}.json`), "utf8")) as {
      images: { ids: number[] }[];
    };
    const expected = await sharp(join(cwd, `${backbone}-out/photo.png`))
      .removeAlpha()
      .raw()
      .toBuffer();

    const readme = await readFile(join(cwd, "site", name, "README.md"), "utf8");
    const example = /```ts\n(.*?)```/s.exec(readme)![1]!;
    await bundle(`${example}\nglobalThis.shown = { ids: [...ids], pixels: [...image.data] };\n`);
    const host = await startStaticHost(join(cwd, "site"));
    try {
      const { page, complaints, close } = await openPage(browser, `${host.url}index.html`);
      const shown = (await page.waitForFunction(() => (globalThis as { shown?: Shown }).shown)) as unknown as {
        jsonValue(): Promise<Shown>;
      };
      const { ids, pixels } = await shown.jsonValue();
      expect(ids).toEqual(images[0]!.ids);
      const colours = pixels.filter((_, i) => i % 4 !== 3);
      expect(colours.length).toBe(expected.length);
      const largest = colours.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0);
      expect(largest).toBeLessThanOrEqual(1); // a value on the edge of rounding
      expect(complaints.filter((text) => !/favicon/.test(text))).toEqual([]);
      await close();
    } finally {
      await host.close();
    }
  });

  /** Makes `site/index.html` of a program, with packages from this repository. */
  async function bundle(program: string): Promise<void> {
    const root = join(cwd, "page");
    await mkdir(root, { recursive: true });
    await writeFile(join(root, "main.ts"), program);
    await writeFile(
      join(root, "index.html"),
      '<!doctype html><link rel="icon" href="data:," /><script type="module" src="./main.ts"></script>',
    );
    const { build, defaultClientConditions } = (await import(pathToFileURL(inViewer.resolve("vite")).href)) as Vite;
    await build({
      root,
      base: "./",
      logLevel: "error",
      configFile: false,
      resolve: { conditions: ["@revq/source", ...defaultClientConditions] },
      build: { outDir: join(cwd, "site"), emptyOutDir: false, target: "esnext", minify: false },
      plugins: [
        {
          name: "packages-of-the-repository",
          async resolveId(this: PluginContext, source: string, importer?: string) {
            if (!importer?.startsWith(root) || !/^@(revq|tensorflow)\//.test(source)) return null;
            return this.resolve(source, join(repository, "apps/cli/package.json"), { skipSelf: true });
          },
        },
      ],
    });
  }
});
