/** Images of other sizes and image files: the pixels are those of `revq encode`. */
import "@tensorflow/tfjs-backend-cpu";
import { decodeImage, openImages, openSynthetic } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toCroppedPixels } from "../src/image.js";
import type { Tokenizer } from "../src/index.js";
import { makeTokenizer, side } from "./tiny-tokenizer.js";

const folder = mkdtempSync(join(tmpdir(), "revq-encode-"));
const photo = join(folder, "a photo.jpg");
let tokenizer: Tokenizer;

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size: 120, count: 1 }).batches(1)) {
    const bytes = Uint8Array.from(pixels, (value) => Math.round((value + 1) * 127.5));
    await sharp(bytes, { raw: { width: 120, height: 120, channels: 3 } })
      .extract({ left: 0, top: 0, width: 120, height: 75 })
      .withMetadata({ orientation: 6 }) // lies on its side
      .toFile(photo);
  }
});
afterAll(() => {
  tokenizer.dispose();
  rmSync(folder, { recursive: true });
});

/** What the command does: the crop of `@revq/data`, as a tensor. */
async function idsOfCommand(size: number): Promise<Int32Array> {
  const images = await openImages([photo], { size });
  for await (const { pixels } of images.batches(1)) {
    const batch = tf.tensor4d(pixels, [1, size, size, 3]);
    const ids = await tokenizer.encodeImages(batch);
    const values = (await ids.data()) as Int32Array;
    tf.dispose([batch, ids]);
    return values;
  }
  throw new Error("no image");
}

describe("an image of another size", () => {
  it("has the ids of the centre crop, from pixels, a path and a file URL", async () => {
    const expected = await idsOfCommand(side);
    const image = await decodeImage(readFileSync(photo));
    expect([image.width, image.height]).toEqual([75, 120]);
    const rgba = await sharp(image.data, { raw: { width: 75, height: 120, channels: 3 } })
      .ensureAlpha()
      .raw()
      .toBuffer();
    const float = Float32Array.from(image.data, (value) => value / 127.5 - 1);
    const before = tf.memory().numTensors;
    for (const input of [image, { ...image, data: rgba }, { ...image, data: float }, photo, pathToFileURL(photo)]) {
      expect(await tokenizer.encode(input)).toEqual(expected);
    }
    const several = await tokenizer.encode([photo, { width: 2, height: 3, data: new Uint8Array(18) }, image], {
      batch: 2,
    });
    expect(several).toHaveLength(3 * tokenizer.layout.count);
    expect(several.slice(-tokenizer.layout.count)).toEqual(expected);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("keeps its size in tiles", async () => {
    const image = await decodeImage(readFileSync(photo));
    const ids = await tokenizer.encode(photo, { tile: true });
    expect(ids).toEqual(await tokenizer.encode(image, { tile: true }));
    expect(ids).toHaveLength(tokenizer.idsPerImage(75, 120));
    const [again] = await tokenizer.decode(ids, image);
    expect([again!.width, again!.height]).toEqual([75, 120]);
  });

  it("of the trained size is not resampled: float32 stays as it is", () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 12 + 0.0001);
    expect(toCroppedPixels({ width: 2, height: 2, data }, 2)).toBe(data);
    expect(toCroppedPixels({ width: 4, height: 2, data: Float32Array.from([...data, ...data]) }, 2)).toHaveLength(12);
  });
});

describe("files", () => {
  it("that are missing, broken, or of several images are errors", async () => {
    writeFileSync(join(folder, "broken.jpg"), readFileSync(photo).subarray(0, 400));
    await expect(tokenizer.encode(join(folder, "broken.jpg"))).rejects.toMatchObject({
      code: "image-unreadable",
      message: expect.stringMatching(/broken\.jpg cannot be read: the jpeg is damaged or cut off\.$/) as unknown,
    });
    await expect(tokenizer.encode(folder)).rejects.toMatchObject({ code: "image-several" });
    await expect(tokenizer.encode(join(folder, "none.jpg"))).rejects.toMatchObject({ name: "RevqError" });
  });
});
