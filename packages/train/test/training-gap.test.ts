import { gapText } from "@revq/train";
import { describe, expect, it } from "vitest";

function gap(heldOut: number, training: number, samplesPerCode: number): string {
  const both = (value: number): { quantized: number; rectified: number } => ({ quantized: value, rectified: value });
  return gapText({ latentMse: both(heldOut), latentMseTrain: both(training), samplesPerCode });
}

describe("the gap between training and held-out error", () => {
  // Measured: taesd3, 1,024 tokens of 512 codes, 100 and 800 images; the sample images, whose held-out photographs are others.
  it.each([
    [0.1877, 0.1369, 13, "1.37 times the training error. The codes fit the training data too closely"],
    [0.1838, 0.1572, 50, "1.17 times the training error. The codes fit the training data too closely"],
    [0.1443, 0.1427, 400, "1.01 times the training error. New images are quantized as well"],
    [0.1969, 0.1166, 63, "1.69 times the training error. The held-out data differ from the training data"],
  ])("%s held out, %s on training data, %s samples per code", (heldOut, training, samples, text) => {
    expect(gap(heldOut, training, samples)).toContain(text);
  });

  it("has no ratio to a training error of zero, and none below one is a gap", () => {
    expect(gap(0.1, 0, 10)).toBe("The training error is 0.");
    expect(gap(0.09, 0.1, 1)).toContain("0.90 times the training error. New images are quantized as well");
  });
});
