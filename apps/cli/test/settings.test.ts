/** Flags become settings. */
import { describe, expect, it } from "vitest";
import { flagLayer } from "../src/settings/layers.js";

describe("flagLayer", () => {
  it("reads the flags of the picture stage and of augmentation", () => {
    const flags = { "picture-steps": "40", "adapt-decoder": "last", select: "psnr", augment: false };
    expect(flagLayer(flags)).toEqual({
      train: { pictureSteps: 40, adaptDecoder: "last", select: "psnr" },
      data: { augment: false },
    });
    expect(flagLayer({ "picture-steps": "auto" })).toEqual({ train: { pictureSteps: "auto" } });
  });

  it.each(["many", "-1", "1.5", ""])("refuses --picture-steps %j", (text) => {
    expect(() => flagLayer({ "picture-steps": text })).toThrow(/neither "auto" nor a number/);
  });
});
