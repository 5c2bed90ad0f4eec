/** The files hold what LPIPS needs, and give the authors' distances of photographs. */
import { existsSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBuffer, openSafetensors } from "@revq/formats";
import { createLpips, lpipsTensors } from "@revq/metrics/networks";
import { lpipsFiles, lpipsFolder } from "@revq/weights-lpips";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import sharp from "sharp";
import { beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const photographs = join(process.env["REVQ_SHARED"] ?? join(root, "../shared"), "data/imagenet256/val");
const golden = JSON.parse(readFileSync(join(root, "packages/metrics/test/fixtures/lpips.json"), "utf8")) as {
  published: Record<string, number>;
};

beforeAll(() => tf.setBackend("cpu"));

async function read(name: string, wanted: ReadonlyMap<string, readonly number[]>): Promise<tf.NamedTensorMap> {
  const file = await openSafetensors(fromBuffer(name, readFileSync(new URL(name, lpipsFolder))));
  const tensors: tf.NamedTensorMap = {};
  for (const [key, expected] of wanted) {
    const { shape, data } = await file.readFloat32(key);
    expect([...shape]).toEqual([...expected]);
    tensors[key] = tf.tensor(data, [...shape]);
  }
  return tensors;
}

it("is under 1.6 MB", async () => {
  const sizes = await Promise.all(lpipsFiles.map(async (name) => (await stat(new URL(name, lpipsFolder))).size));
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(1.6e6);
});

it("has every tensor of LPIPS with SqueezeNet, and gives the authors' distances", async (context) => {
  const needed = lpipsTensors("squeeze");
  const backbone = await read(lpipsFiles[0], needed.backbone);
  const heads = await read(lpipsFiles[1], needed.heads);
  if (!existsSync(photographs)) context.skip(`the photographs are not there: ${photographs}`);
  const lpips = createLpips("squeeze", { backbone, heads });
  const open = async (name: string): Promise<tf.Tensor4D> => {
    const pixels = await sharp(join(photographs, name)).removeAlpha().raw().toBuffer();
    return tf.tensor4d(
      Float32Array.from(pixels, (value) => value / 127.5 - 1),
      [1, 256, 256, 3],
    );
  };
  const [names, distance] = Object.entries(golden.published)[0]!;
  const [a, b] = names.split("|");
  const measured = await lpips.distance(await open(a!), await open(b!)).data();
  expect(measured[0]).toBeCloseTo(distance, 4);
});
