import { openImages, writePng } from "@revq/data";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { photographsOf } from "../src/pictures/photographs.js";

const size = 12;
let folder: string;

/** Red is the image's number, green the row, blue the column. */
const pixel = (image: number, y: number, x: number): number[] => [image * 20, y * 10, x * 10];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-photographs-"));
  for (const image of [0, 1, 3]) {
    const values = Array.from({ length: size * size }, (_, i) => pixel(image, Math.floor(i / size), i % size)).flat();
    const pixels = Float32Array.from(values, (value) => value / 127.5 - 1);
    await writePng(join(folder, `${image}.png`), { width: size, height: size, pixels });
  }
  await writeFile(join(folder, "2.png"), "no image");
});
afterAll(() => rm(folder, { recursive: true }));

describe("photographs", () => {
  it("give crops by the index of the latent, whatever images had none", async () => {
    const photographs = photographsOf(await openImages(folder, { size }), ["2.png"]);
    expect(photographs).toMatchObject({ count: 3, size });
    const crops = [
      { row: 2, top: 4, left: 8 },
      { row: 0, top: 0, left: 1 },
      { row: 2, top: 8, left: 0 },
    ];
    const values = await photographs.crops(crops, 4);
    const bytes = Array.from(values, (value) => Math.round((value + 1) * 127.5));
    const expected = crops.flatMap(({ row, top, left }) =>
      Array.from({ length: 16 }, (_, i) => pixel(row === 2 ? 3 : row, top + Math.floor(i / 4), left + (i % 4))).flat(),
    );
    expect(bytes).toEqual(expected);
  });

  it("name a file that has become unreadable", async () => {
    const photographs = photographsOf(await openImages(folder, { size }), []);
    const crop = { top: 0, left: 0 };
    await expect(
      photographs.crops(
        [
          { row: 0, ...crop },
          { row: 2, ...crop },
        ],
        4,
      ),
    ).rejects.toMatchObject({
      code: "photograph-unreadable",
      message: expect.stringContaining("2.png"),
    });
  });
});
