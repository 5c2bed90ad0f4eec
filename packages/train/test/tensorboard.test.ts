/** TensorBoard's event files against its own writer (tools/golden/events.py), byte for byte. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { crc32c } from "../src/tensorboard/crc32c.js";
import { fileVersionRecord, histogramOf, summaryRecord } from "../src/tensorboard/event-file.js";

const golden = JSON.parse(readFileSync(new URL("fixtures/events.json", import.meta.url), "utf8")) as Record<
  "png" | "version" | "scalars" | "image" | "histogram",
  string
>;
const time = 1700000000.25;
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("event files", () => {
  it("are framed with CRC-32C (RFC 3720, B.4)", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it("begin as TensorBoard's", () => {
    expect(base64(fileVersionRecord(time))).toBe(golden.version);
  });

  it("hold scalars, images and histograms as TensorBoard's", () => {
    const scalars = summaryRecord(time, 300, [
      { tag: "latent_mse/val", scalar: 0.125 },
      { tag: "é", scalar: -7 },
    ]);
    expect(base64(scalars)).toBe(golden.scalars);
    const png = Uint8Array.from(Buffer.from(golden.png, "base64"));
    const image = summaryRecord(time, 7, [{ tag: "samples", image: { width: 1, height: 1, png } }]);
    expect(base64(image)).toBe(golden.image);
    const histogram = histogramOf([-1, 0, 0.5, 1, 2.5, 3], 4);
    expect(histogram).toMatchObject({ min: -1, max: 3, count: 6, sum: 6, limits: [0, 1, 2, 3], counts: [2, 2, 0, 2] });
    const record = summaryRecord(time, 2 ** 33, [
      { tag: "codes", histogram: { ...histogram, sum: 5, sumOfSquares: 15 } },
    ]);
    expect(base64(record)).toBe(golden.histogram);
  });
});

describe("a histogram", () => {
  it("of equal values has one bucket, of nothing none that counts, and leaves out what is not finite", () => {
    expect(histogramOf([2, 2, NaN])).toMatchObject({ min: 2, max: 2, count: 2, limits: [2], counts: [2] });
    expect(histogramOf([])).toMatchObject({ count: 0 });
  });
});
