/** The first example of the README, run as it stands in a folder that has what it reads. */
import { centreCrop, decodeImage, openSynthetic } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Tokenizer } from "../src/index.js";
import { serializeTokenizer } from "../src/index.js";
import { makeTokenizer } from "./tiny-tokenizer.js";

const before = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "revq-readme-"));
const program = fileURLToPath(new URL("./readme-example.ts", import.meta.url));
let tokenizer: Tokenizer;

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  mkdirSync(join(folder, "my-tokenizer"));
  for (const [name, bytes] of Object.entries(await serializeTokenizer(tokenizer))) {
    writeFileSync(join(folder, "my-tokenizer", name), bytes);
  }
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size: 100, count: 1 }).batches(1)) {
    const bytes = Uint8Array.from(pixels, (value) => Math.round((value + 1) * 127.5));
    await sharp(bytes, { raw: { width: 100, height: 100, channels: 3 } })
      .extract({ left: 0, top: 0, width: 100, height: 50 })
      .toFile(join(folder, "photo.jpg"));
  }
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
  rmSync(program, { force: true });
  tokenizer.dispose();
});

it("runs", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)![1]!;
  writeFileSync(program, code);
  process.chdir(folder);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await import(/* @vite-ignore */ program);
  expect(log).toHaveBeenCalledWith(`${tokenizer.layout.count} ids`);
  log.mockRestore();
  const photo = centreCrop(await decodeImage(readFileSync(join(folder, "photo.jpg"))), tokenizer.imageSize);
  const again = await sharp(join(folder, "again.png")).removeAlpha().raw().toBuffer();
  expect(again).toHaveLength(photo.length);
  const mse = photo.reduce((sum, value, i) => sum + (value - again[i]!) ** 2, 0) / photo.length;
  expect(10 * Math.log10(255 ** 2 / mse)).toBeGreaterThan(15);
});
