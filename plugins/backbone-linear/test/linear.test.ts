import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { linear } from "@revq/backbone-linear";
import { createRandom, parseOptions, quietContext, type Backbone, type ImageSource } from "@revq/core";
import { openImageFolder, openSynthetic } from "@revq/data";
import { imageSource, randomImages } from "@revq/testkit";

const imagenet = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "data/imagenet256");
const full = Boolean(process.env["REVQ_TEST_FULL"]);

async function fitted(images: ImageSource, raw: Record<string, unknown>): Promise<Backbone> {
  const backbone = await linear.create(parseOptions(linear, raw), { imageSize: images.size });
  await backbone.fit!.run(images, quietContext(createRandom(1)));
  return backbone;
}

/** Images whose 4 x 4 patches are a mean patch plus random amounts of `rank` fixed directions. */
function lowRankImages(rank: number, count: number): ImageSource {
  const random = createRandom(7);
  const directions = Array.from({ length: rank + 1 }, () =>
    Float64Array.from({ length: 48 }, () => random.normal() * 0.2),
  );
  const size = 16;
  const pixels = new Float32Array(count * size * size * 3);
  for (let n = 0; n < count; n++) {
    for (let position = 0; position < 16; position++) {
      const amounts = [1, ...Array.from({ length: rank }, () => random.normal())];
      for (let i = 0; i < 48; i++) {
        const y = (position >> 2) * 4 + Math.floor(i / 12);
        const column = (position & 3) * 12 + (i % 12);
        pixels[(n * size + y) * size * 3 + column] = amounts.reduce((sum, a, k) => sum + a * directions[k]![i]!, 0);
      }
    }
  }
  return {
    description: "low rank",
    size,
    count,
    skipped: [],
    async *batches() {
      yield { names: Array.from({ length: count }, (_, i) => `${i}`), size, pixels };
    },
  };
}

async function firstBatch(images: ImageSource, count: number): Promise<tf.Tensor4D> {
  for await (const { size, pixels, names } of images.batches(count)) {
    return tf.tensor4d(pixels, [names.length, size, size, 3]);
  }
  throw new Error("no images");
}

/** Largest absolute difference. */
const distance = (a: tf.Tensor, b: tf.Tensor): number => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);

/** Mean over images of the PSNR in dB of floats clamped to [0, 1]. */
async function meanPsnr(backbone: Backbone, images: ImageSource): Promise<number> {
  let sum = 0;
  let count = 0;
  for await (const { size, pixels, names } of images.batches(10)) {
    const original = tf.tensor4d(pixels, [names.length, size, size, 3]);
    const latents = await backbone.encode(original);
    const decoded = await backbone.decode(latents);
    const errors = tf.tidy(() =>
      tf.mean(tf.square(tf.div(tf.sub(original, tf.clipByValue(decoded, -1, 1)), 2)), [1, 2, 3]),
    );
    for (const error of await errors.data()) sum += -10 * Math.log10(error);
    count += names.length;
    tf.dispose([original, latents, decoded, errors]);
  }
  return sum / count;
}

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("linear backbone", () => {
  it("has the orthonormal basis of the data's own subspace and restores it exactly", async () => {
    const images = lowRankImages(5, 20);
    const backbone = await fitted(images, { patch: 4, channels: 5 });
    const { basis } = backbone.state();
    const gram = tf.matMul(basis as tf.Tensor2D, basis as tf.Tensor2D, false, true);
    expect(distance(gram, tf.eye(5))).toBeLessThan(1e-6);
    const x = await firstBatch(images, 20);
    const latents = await backbone.encode(x);
    expect(latents.shape).toEqual([20, 4, 4, 5]);
    expect(distance(await backbone.decode(latents), x)).toBeLessThan(1e-5);
  });

  it("loses exactly the variance of the directions it leaves out", async () => {
    const images = lowRankImages(5, 20);
    const all = await fitted(images, { patch: 4, channels: 48 });
    const some = await fitted(images, { patch: 4, channels: 3 });
    const x = await firstBatch(images, 20);
    const spread = tf.moments(tf.reshape(await all.encode(x), [-1, 48]), 0);
    const values = Array.from(spread.variance.dataSync());
    const kept = [...values.slice(0, 5)];
    expect([...kept].sort((a, b) => b - a)).toEqual(kept);
    expect(Math.max(...tf.abs(spread.mean).dataSync())).toBeLessThan(1e-5);
    const lost = tf.mean(tf.square(tf.sub(await some.decode(await some.encode(x)), x))).dataSync()[0]!;
    expect(lost).toBeCloseTo(values.slice(3).reduce((sum, value) => sum + value, 0) / 48, 6);
  });

  it("is a lossless rotation when it keeps every channel, on rectangles too", async () => {
    const images = openSynthetic("synthetic:dead-leaves", { size: 32, count: 8 });
    const backbone = await fitted(images, { patch: 2, channels: 12 });
    const x = tf.slice(await firstBatch(images, 2), [0, 0, 0, 0], [2, 32, 20, 3]);
    expect(distance(await backbone.decode(await backbone.encode(x)), x)).toBeLessThan(1e-5);
  });

  it("gives the same weights every time, and the same outputs from its state; leaks nothing", async () => {
    const images = openSynthetic("synthetic:dead-leaves", { size: 32, count: 8 });
    const x = await firstBatch(images, 2);
    const before = tf.memory().numTensors;
    const first = await fitted(images, {});
    const second = await fitted(images, {});
    const restored = await linear.create(parseOptions(linear, {}), { imageSize: 32, state: first.state() });
    expect([...first.state()["basis"]!.dataSync()]).toEqual([...second.state()["basis"]!.dataSync()]);
    const latents = await first.encode(x);
    const again = await restored.encode(x);
    expect([...again.dataSync()]).toEqual([...latents.dataSync()]);
    tf.dispose([latents, again]);
    [first, second, restored, first].forEach((backbone) => backbone.dispose());
    expect(tf.memory().numTensors).toBe(before);
  });

  it("draws patches by the seed alone, whatever the batches, when there are more than two million", async () => {
    const pixels = randomImages(256, 31, 3);
    const images = imageSource(256, pixels);
    const other: ImageSource = { ...images, batches: () => images.batches(7) };
    const basis = async (source: ImageSource, seed: number): Promise<number[]> => {
      const backbone = await linear.create({ patch: 1, channels: 3 }, { imageSize: 256 });
      await backbone.fit!.run(source, quietContext(createRandom(seed)));
      return [...backbone.state()["basis"]!.dataSync()];
    };
    const first = await basis(images, 1);
    expect(await basis(other, 1)).toEqual(first);
    expect(await basis(images, 2)).not.toEqual(first);
  });

  it("refuses what does not fit", async () => {
    expect(() => parseOptions(linear, { patch: 2, channels: 13 })).toThrow(/channels: A patch has/);
    const backbone = await linear.create(parseOptions(linear, {}), { imageSize: 32 });
    await expect(backbone.encode(tf.zeros([1, 32, 32, 3]))).rejects.toMatchObject({ code: "backbone-not-fitted" });
    const images = openSynthetic("synthetic:dead-leaves", { size: 32, count: 2 });
    const ready = await fitted(images, {});
    await expect(ready.encode(tf.zeros([1, 30, 32, 3]))).rejects.toMatchObject({ code: "image-size" });
    const state = ready.state();
    await expect(linear.create({ patch: 8, channels: 4 }, { imageSize: 32, state })).rejects.toMatchObject({
      code: "state-misshapen-tensor",
    });
  });

  it("stops when it is told to", async () => {
    const backbone = await linear.create(parseOptions(linear, {}), { imageSize: 32 });
    const images = openSynthetic("synthetic:dead-leaves", { size: 32, count: 2 });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(backbone.fit!.run(images, { ...quietContext(createRandom(1)), signal })).rejects.toThrow("enough");
  });
});

describe.skipIf(!existsSync(imagenet))("PCA of ImageNet photographs (needs ../shared/data/imagenet256)", () => {
  /**
   * f8 PCA fitted on the 800 training images, scored on the 100 of val: PSNR in dB, measured with
   * numpy.
   */
  const reference = { 4: 21.7, 8: 23.95, 12: 25.24, 16: 26.19 };

  it("reaches the reference PSNR within 0.1 dB for every number of channels", async () => {
    const train = await openImageFolder(join(imagenet, "train"), { size: 256 });
    const val = await openImageFolder(join(imagenet, "val"), { size: 256 });
    // Every eighth training image is enough to come within the tolerance.
    const some = train.select(Array.from({ length: 100 }, (_, index) => index * 8));
    const backbone = await fitted(full ? train : some, { channels: 16 });
    const { mean, basis } = backbone.state();
    const measured: Record<string, number> = {};
    for (const channels of full ? [4, 8, 12, 16] : [8]) {
      const state = { mean: mean!, basis: tf.slice(basis!, [0, 0], [channels, 192]) };
      const part = await linear.create({ patch: 8, channels }, { imageSize: 256, state });
      measured[channels] = await meanPsnr(part, val);
    }
    if (full) process.stdout.write(`PSNR in dB by channels: ${JSON.stringify(measured)}\n`);
    expect(Object.keys(measured)).toHaveLength(full ? 4 : 1);
    for (const [channels, psnr] of Object.entries(measured)) {
      expect(Math.abs(psnr - reference[Number(channels) as keyof typeof reference])).toBeLessThan(0.1);
    }
  }, 300_000);
});
