import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { decodeImage } from "@revq/data";
import { createEngine } from "@revq/engine";
import { sampleImages } from "@revq/sample-images";
import { Tokenizer, type RgbaImage } from "@revq/tokenizer";
import { tokenizerFiles, tokenizerFolder } from "@revq/tokenizer-tiny";

it("is under 7 MB: the VAE, and a second decoder that is adapted to the codes", async () => {
  const sizes = await Promise.all(
    tokenizerFiles.map(async (name) => (await stat(new URL(name, tokenizerFolder))).size),
  );
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(7e6);
});

it("opens by its folder alone, gives 1,024 ids for a photograph, and the photograph back", async () => {
  const engine = await createEngine({ engine: "onnx" });
  const tokenizer = await Tokenizer.load(fileURLToPath(tokenizerFolder));
  const { data: rgb } = await decodeImage(await readFile(sampleImages[0]!.url));
  const image: RgbaImage = { width: 256, height: 256, data: opaque(rgb) };
  const ids = await tokenizer.encode([image]);
  expect(ids).toHaveLength(1024);
  expect(Math.max(...ids)).toBeLessThan(1024);
  expect(new Set(ids).size).toBeGreaterThan(100);
  const [decoded] = await tokenizer.decode(ids);
  expect(psnr(image, decoded!)).toBeGreaterThan(21);
  tokenizer.dispose();
  engine.dispose();
});

function opaque(rgb: ArrayLike<number>): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from({ length: (rgb.length / 3) * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : rgb[(i >> 2) * 3 + (i % 4)]!,
  );
}

function psnr(a: RgbaImage, b: RgbaImage): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) if (i % 4 < 3) sum += (a.data[i]! - b.data[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / ((a.data.length * 3) / 4)));
}
