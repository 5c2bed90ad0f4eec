import { describe, expect, it } from "vitest";
import { requireFits } from "../src/webgpu/guard.js";

describe("requireFits", () => {
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };

  it("takes what fits into the smaller of both limits", () => {
    expect(() => requireFits([2 ** 25], "float32", limits)).not.toThrow();
    expect(() => requireFits([2 ** 25], "bool", limits)).not.toThrow();
    expect(() => requireFits([], "float32", limits)).not.toThrow();
    expect(() => requireFits([NaN, 0], "bool", limits)).not.toThrow(); // what tf.all makes of an empty tensor
  });

  it("refuses what does not, with sizes", () => {
    expect(() => requireFits([2, 2 ** 25], "float32", limits)).toThrow(
      "A float32 tensor [2, 33554432] needs 256 MiB in one buffer; this GPU allows 128 MiB.",
    );
    expect(() => requireFits([2 ** 25], "complex64", limits)).toThrow(
      expect.objectContaining({ code: "webgpu-limit" }),
    );
  });
});
