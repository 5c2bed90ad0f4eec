/**
 * `revq export --to transformers.js`: the folder holds what `AutoModel` looks for. With REVQ_TEST_FULL the package
 * `@huggingface/transformers` is installed in a folder of its own, and runs the README's program in Node and in a browser.
 */
import { createRandom } from "@revq/core";
import { writeNpy } from "@revq/formats";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, noBrowser, openPage } from "./support/browser.js";
import { revq, revqJson, sampleImages, temporaryFolder } from "./support/revq.js";
import { startStaticHost } from "./support/view.js";

const run = promisify(execFile);
const folder = await temporaryFolder();
const cwd = folder.path;
const exported = join(cwd, "site", "models", "tiny");
const [side, tokens] = [256, 1024];
let expected: { readonly ids: readonly number[]; readonly bytes: Uint8Array };
afterAll(() => folder.remove());

beforeAll(async () => {
  const tokenizer = fileURLToPath(tokenizerFolder);
  await revqJson(["export", tokenizer, "--to", "transformers.js", "-o", "site/models/tiny"], { cwd });
  const photo = join(sampleImages, (await readdir(sampleImages))[0]!);
  // Of the trained size: browsers resize by another filter.
  await sharp(photo).resize(side, side, { fit: "cover" }).png().toFile(join(cwd, "photo.png"));
  await revqJson(["encode", tokenizer, "photo.png", "-o", "ids.json"], { cwd });
  await revqJson(["decode", tokenizer, "ids.json", "-o", "out"], { cwd });
  const { images } = JSON.parse(await readFile(join(cwd, "ids.json"), "utf8")) as { images: { ids: number[] }[] };
  expected = { ids: images[0]!.ids, bytes: await rgbOf(join(cwd, "out", "photo.png")) };
}, 180_000);

describe("export --to transformers.js", () => {
  it("writes the models where AutoModel looks for them, in full precision", async () => {
    expect((await readdir(exported, { recursive: true })).sort()).toEqual([
      "README.md",
      "config.json",
      "onnx",
      "onnx/decoder_model.onnx",
      "onnx/encoder_model.onnx",
      "preprocessor_config.json",
      "vocabulary.json",
    ]);
    const config = await json("config.json");
    expect(config["transformers.js_config"]).toEqual({ dtype: "fp32" });
    expect(config["tokens"]).toMatchObject({ tokens });
  });

  it("has the centre crop and the range of revq in preprocessor_config.json", async () => {
    expect(await json("preprocessor_config.json")).toMatchObject({
      do_resize: true,
      size: { shortest_edge: side },
      resample: 1, // Pillow's number of Lanczos
      do_center_crop: true,
      crop_size: { height: side, width: side },
      rescale_factor: 1 / 255,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    });
  });

  it("maps pixel_values to image_codes and back, for any number of images", async () => {
    const image = Float32Array.from(planes(await rgbOf(join(cwd, "photo.png"))), (byte) => byte / 127.5 - 1);
    const encoder = await InferenceSession.create(join(exported, "onnx/encoder_model.onnx"));
    const decoder = await InferenceSession.create(join(exported, "onnx/decoder_model.onnx"));
    const pixels = new Float32Array(3 * image.length);
    for (const i of [0, 1, 2]) pixels.set(image, i * image.length);
    const { image_codes: codes } = await encoder.run({
      pixel_values: new Tensor("float32", pixels, [3, 3, side, side]),
    });
    expect(codes!.dims).toEqual([3, tokens]);
    for (const i of [0, 1, 2])
      expect(same([...(codes!.data as Int32Array)].slice(i * tokens, (i + 1) * tokens))).toBe(1);
    const two = new Tensor("int32", [...expected.ids, ...expected.ids], [2, tokens]);
    const { pixel_values: decoded } = await decoder.run({ image_codes: two });
    expect(decoded!.dims).toEqual([2, 3, side, side]);
    const bytes = (decoded!.data as Float32Array).slice(0, image.length).map(toByte);
    expect(largestDifference(bytes, planes(expected.bytes))).toBeLessThanOrEqual(1);
  });

  it("refuses a tokenizer of latents, and leaves no folder", async () => {
    const latents = join(cwd, "latents.npy");
    const random = createRandom(1);
    const data = Float32Array.from({ length: 32 * 4 * 4 * 4 }, () => random.normal());
    await writeFile(latents, writeNpy({ shape: [32, 4, 4, 4], data }));
    const small = ["--tokens", "16", "--codes", "8", "--epochs", "1", "--rectifier", "identity"];
    await revqJson(["train", "--latents", latents, ...small, "-o", "of-latents"], { cwd });
    const { code, stderr } = await revq(["export", "of-latents", "--to", "transformers.js", "-o", "no"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain("This tokenizer takes latents.");
    expect(stderr).toContain("--to onnx");
    expect(await readdir(cwd)).not.toContain("no");
  });
});

const isFull = process.env["REVQ_TEST_FULL"] !== undefined;

describe.skipIf(!isFull)("in transformers.js (needs REVQ_TEST_FULL)", { timeout: 600_000 }, () => {
  let program: string;
  let inBrowser: string;

  beforeAll(async () => {
    const readme = await readFile(join(exported, "README.md"), "utf8");
    [program, inBrowser] = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code!) as [string, string];
    await writeFile(join(cwd, "package.json"), '{ "private": true, "type": "module" }');
    const quiet = ["--no-audit", "--no-fund", "--ignore-scripts"]; // scripts fetch CUDA from elsewhere
    await run("npm", ["install", ...quiet, "@huggingface/transformers@4"], { cwd });
  }, 600_000);

  it("the README's program has the ids and the picture of the command line, in Node", async () => {
    const code = program.replace("THIS_FOLDER", "site/models/tiny").replace("photo.jpg", "photo.png");
    await writeFile(join(cwd, "program.mjs"), `${code}\nconsole.log(JSON.stringify([...image_codes.data]));\n`);
    const { stdout } = await run("node", ["program.mjs"], { cwd });
    expect(same(JSON.parse(stdout.trim().split("\n").at(-1)!) as number[])).toBe(1);
    expect(largestDifference(await rgbOf(join(cwd, "again.png")), expected.bytes)).toBeLessThanOrEqual(1);
  });

  it("crops and resizes a photo as revq does, in Node", async () => {
    const photo = join(sampleImages, (await readdir(sampleImages))[1]!);
    await sharp(photo).resize(400, 300, { fit: "fill" }).png().toFile(join(cwd, "wide.png"));
    await revqJson(["encode", fileURLToPath(tokenizerFolder), "wide.png", "-o", "wide.json"], { cwd });
    const { images } = JSON.parse(await readFile(join(cwd, "wide.json"), "utf8")) as { images: { ids: number[] }[] };
    const code = program.replace("THIS_FOLDER", "site/models/tiny").replace("photo.jpg", "wide.png");
    await writeFile(join(cwd, "wide.mjs"), `${code}\nconsole.log(JSON.stringify([...image_codes.data]));\n`);
    const { stdout } = await run("node", ["wide.mjs"], { cwd });
    const share = same(JSON.parse(stdout.trim().split("\n").at(-1)!) as number[], images[0]!.ids);
    process.stdout.write(`transformers.js, resized photo: ${(100 * share).toFixed(1)} % of the ids equal\n`);
    expect(share).toBeGreaterThan(0.98);
  });

  it.skipIf(noBrowser)(`the same in a browser${noBrowser && ` (skipped: ${noBrowser})`}`, async () => {
    const site = join(cwd, "site");
    const library = join(cwd, "node_modules/@huggingface/transformers/dist/transformers.min.js");
    await cp(library, join(site, "transformers.js"));
    const runtime = join(cwd, "node_modules/onnxruntime-web/dist");
    await mkdir(join(site, "ort"), { recursive: true });
    for (const name of await readdir(runtime))
      if (/^ort-wasm-.*\.(wasm|mjs)$/.test(name)) await cp(join(runtime, name), join(site, "ort", name));
    await cp(join(cwd, "photo.png"), join(site, "photo.png"));
    const local = "./transformers.js";
    const code = program
      .replace("@huggingface/transformers", local)
      .replace("./THIS_FOLDER", "models/tiny")
      .replace("photo.jpg", "photo.png")
      .replace(/await image\.save.*\n/, "");
    const before = inBrowser.replace("@huggingface/transformers", local);
    await writeFile(
      join(site, "main.js"),
      `${before}
env.backends.onnx.wasm.wasmPaths = new URL("ort/", document.baseURI).href;
${code}
globalThis.shown = { ids: [...image_codes.data], bytes: [...image.data] };
`,
    );
    await writeFile(
      join(site, "index.html"),
      '<!doctype html><link rel="icon" href="data:," /><script type="module" src="./main.js"></script>',
    );
    const host = await startStaticHost(site);
    const browser = await launchBrowser(false);
    try {
      const { page, complaints } = await openPage(browser, `${host.url}index.html`);
      const shown = page.waitForFunction(() => (globalThis as { shown?: object }).shown, undefined, {
        timeout: 300_000,
      }) as unknown as Promise<{ jsonValue(): Promise<{ ids: number[]; bytes: number[] }> }>;
      const { ids, bytes } = await (await shown).jsonValue();
      expect(complaints).toEqual([]);
      expect(same(ids)).toBeGreaterThan(0.99); // sums in another order, for near ties
      expect(largestDifference(bytes, expected.bytes)).toBeLessThanOrEqual(same(ids) === 1 ? 1 : 255);
    } finally {
      await browser.close();
      await host.close();
    }
  });
});

async function json(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(exported, name), "utf8")) as Record<string, unknown>;
}

async function rgbOf(path: string): Promise<Uint8Array> {
  return sharp(path).removeAlpha().raw().toBuffer();
}

/** `[h, w, 3]` -> `[3, h, w]`. */
function planes(bytes: Uint8Array): Uint8Array {
  const size = bytes.length / 3;
  return Uint8Array.from(bytes, (_, i) => bytes[(i % size) * 3 + Math.floor(i / size)]!);
}

const toByte = (value: number): number => Math.min(255, Math.max(0, Math.round((value + 1) * 127.5)));

/** Fraction of equal ids. */
function same(ids: readonly number[], others: readonly number[] = expected.ids): number {
  expect(ids.length).toBe(others.length);
  return ids.filter((id, i) => id === others[i]).length / ids.length;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
