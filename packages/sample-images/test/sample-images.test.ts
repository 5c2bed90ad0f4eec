import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sampleImages, sampleImagesFolder } from "@revq/sample-images";

const files = readdirSync(sampleImagesFolder).sort();

describe("sample images", () => {
  it("lists exactly the files of the folder, by name", () => {
    expect(sampleImages.map(({ name }) => name)).toEqual(files);
    expect(sampleImages.length).toBeGreaterThanOrEqual(200);
  });

  it("are 256 x 256 baseline or progressive JPEG with three full-resolution channels", () => {
    for (const { url } of sampleImages) {
      const frame = startOfFrame(readFileSync(url));
      expect([frame.readUInt16BE(3), frame.readUInt16BE(1), frame[5]]).toEqual([256, 256, 3]);
      expect([frame[7], frame[10], frame[13]]).toEqual([0x11, 0x11, 0x11]);
    }
  });

  it("stay under 12 MB together", () => {
    const bytes = files.reduce((sum, name) => sum + statSync(new URL(name, sampleImagesFolder)).size, 0);
    expect(bytes).toBeLessThan(12e6);
  });

  it("are all named in ATTRIBUTION.md, under licences that allow shipping", () => {
    const attribution = readFileSync(fileURLToPath(new URL("../ATTRIBUTION.md", sampleImagesFolder)), "utf8");
    for (const { name, license } of sampleImages) {
      expect(["CC0-1.0", "CC-BY-4.0"]).toContain(license);
      const row = attribution.split("\n").find((line) => line.startsWith(`| ${name} | `));
      expect(row).toContain(`| ${license} |`);
    }
  });
});

/** The body of the SOF0 or SOF2 segment (ITU-T T.81, B.2.2): precision, height, width, components, sampling factors. */
function startOfFrame(file: Buffer): Buffer {
  for (let at = 2; ; at += 2 + file.readUInt16BE(at + 2)) {
    if (file[at + 1] === 0xc0 || file[at + 1] === 0xc2)
      return file.subarray(at + 4, at + 2 + file.readUInt16BE(at + 2));
  }
}
