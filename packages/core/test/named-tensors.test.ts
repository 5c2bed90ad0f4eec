/** State as data: prefixes, download, checks, and the fingerprint against Python's hashlib. */
import { fingerprint, requireTensor, toNamedArrays, underPrefix, withPrefix, type NamedArrays } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

it("prefixes come off as they went on", () => {
  const entries = { a: 1, "b.c": 2 };
  expect(withPrefix("q", entries)).toEqual({ "q.a": 1, "q.b.c": 2 });
  expect(underPrefix("q", { ...withPrefix("q", entries), ...withPrefix("qq", entries), q: 3 })).toEqual(entries);
});

it("downloads float32 as float32, int32 and bool as int32", async () => {
  const arrays = await toNamedArrays({
    f: tf.tensor2d([[1.5, 2]]),
    i: tf.tensor1d([1, 2], "int32"),
    b: tf.tensor1d([true, false], "bool"),
    s: tf.scalar(3),
  });
  expect(arrays).toEqual({
    f: { shape: [1, 2], data: Float32Array.of(1.5, 2) },
    i: { shape: [2], data: Int32Array.of(1, 2) },
    b: { shape: [2], data: Int32Array.of(1, 0) },
    s: { shape: [], data: Float32Array.of(3) },
  });
});

describe("requireTensor", () => {
  const weight = tf.zeros([2, 3]);
  it("gives the tensor, of the shape that was asked for", () => {
    expect(requireTensor({ weight }, "weight")).toBe(weight);
    expect(requireTensor({ weight }, "weight", [2, 3])).toBe(weight);
    expect(requireTensor({ weight }, "weight", [null, 3])).toBe(weight);
  });
  it("says what is missing and what is there", () => {
    expect(() => requireTensor({ weight }, "bias")).toThrow('The state has no tensor "bias" (it has weight).');
    expect(() => requireTensor({}, "bias")).toThrow("(it has none)");
    expect(() => requireTensor({ weight }, "weight", [null, 2, 3])).toThrow("has shape [2,3], expected [any,2,3]");
    expect(() => requireTensor({ weight }, "weight", [3, 2])).toThrow("expected [3,2]");
  });
});

describe("fingerprint", () => {
  const arrays: NamedArrays = {
    weight: { shape: [2, 2], data: Float32Array.of(1, -2.5, 3.25, 0) },
    index: { shape: [3], data: Int32Array.of(1, -1, 7) },
  };
  const known = "b6c891c7bcc3b0957da0e538cca1944910b47bf7c7a5450c7cf80e5cc4c874a0";

  it("is the documented hash", async () => {
    expect(await fingerprint(arrays)).toBe(known);
    expect(await fingerprint({})).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
  it("does not depend on the order of names or on where the array lies in its buffer", async () => {
    const shifted = new Float32Array([9, 1, -2.5, 3.25, 0]).subarray(1);
    expect(await fingerprint({ index: arrays["index"]!, weight: { shape: [2, 2], data: shifted } })).toBe(known);
  });
  it.each<[string, NamedArrays]>([
    ["a value", { ...arrays, index: { shape: [3], data: Int32Array.of(1, -1, 8) } }],
    ["a shape", { ...arrays, weight: { shape: [4], data: arrays["weight"]!.data } }],
    ["a dtype", { ...arrays, index: { shape: [3], data: new Float32Array(Int32Array.of(1, -1, 7).buffer) } }],
    ["a name", { weights: arrays["weight"]!, index: arrays["index"]! }],
    ["a missing tensor", { weight: arrays["weight"]! }],
  ])("depends on %s", async (_, other) => {
    expect(await fingerprint(other)).not.toBe(known);
  });
});
