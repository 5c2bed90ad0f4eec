import { createRandom } from "@revq/core";
import { describe, expect, it } from "vitest";
import { nearestCodes, nearestCodesSync } from "@revq/nearest";
import { hasShared, readSafetensors, sharedPath } from "./shared.js";

for (const file of ["quantizer_forward", "quantizer_forward_groups4"]) {
  const present = hasShared("fixtures", `${file}.safetensors`);
  it.skipIf(!present)(`gives PyTorch's indices (needs ../shared/fixtures/${file}.safetensors)`, async () => {
    const { tensors } = readSafetensors(sharedPath("fixtures", `${file}.safetensors`));
    const { embeddings, x, indices } = tensors;
    const [groups, codes, dim] = embeddings!.shape as [number, number, number];
    const [samples] = x!.shape as [number];
    const tokens = x!.data.length / samples / dim;
    const found = await nearestCodes(x!.data as Float32Array, embeddings!.data as Float32Array, {
      samples,
      groups,
      codes,
      dim,
      tokens,
    });
    expect(found.indices).toEqual(indices!.data);
  });
}

it("sends ties to the lowest index", async () => {
  const codebooks = Float32Array.of(3, 0, 1, 0, -1, 0, 1, 0);
  const { indices, distances } = await nearestCodes(Float32Array.of(0, 0), codebooks, {
    samples: 1,
    groups: 1,
    codes: 4,
    dim: 2,
  });
  expect([indices[0], distances[0]]).toEqual([1, 1]);
});

it("takes no samples for an answer", async () => {
  const { indices } = await nearestCodes(new Float32Array(0), new Float32Array(8), {
    samples: 0,
    groups: 2,
    codes: 2,
    dim: 2,
  });
  expect(indices.length).toBe(0);
});

it("maps tokens to codebooks by groupOf", () => {
  const codebooks = Float32Array.of(0, 10, 5, 6);
  const shape = { samples: 1, groups: 2, codes: 2, dim: 1, groupOf: Int32Array.of(1, 1, 0) };
  expect([...nearestCodesSync(Float32Array.of(5.9, 5, 9), codebooks, shape).indices]).toEqual([1, 0, 1]);
});

describe.each(["reference", "wasm"] as const)("%s", (engine) => {
  it.each([
    ["latents", Float32Array.of(NaN), Float32Array.of(1), "latent-not-finite"],
    ["latents", Float32Array.of(Infinity), Float32Array.of(1), "latent-not-finite"],
    ["codebooks", Float32Array.of(1), Float32Array.of(NaN), "codebook-not-finite"],
    ["codebooks", Float32Array.of(1), Float32Array.of(-Infinity), "codebook-not-finite"],
  ])("refuses %s that are not finite", async (_, latents, codebooks, code) => {
    const shape = { samples: 1, groups: 1, codes: 1, dim: 1 };
    await expect(nearestCodes(latents, codebooks, shape, { engine })).rejects.toMatchObject({ code });
    expect(() => nearestCodesSync(latents, codebooks, shape, { engine })).toThrow(expect.objectContaining({ code }));
  });
});

it("refuses arrays of the wrong length", async () => {
  const shape = { samples: 1, groups: 1, codes: 2, dim: 2 };
  await expect(nearestCodes(new Float32Array(3), new Float32Array(4), shape)).rejects.toMatchObject({
    code: "nearest-length",
  });
  await expect(nearestCodes(new Float32Array(2), new Float32Array(4), { ...shape, codes: 0 })).rejects.toMatchObject({
    code: "nearest-shape",
  });
});

it("stops when aborted", async () => {
  const random = createRandom(1);
  const latents = Float32Array.from({ length: 4096 }, () => random.normal());
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(
    nearestCodes(latents, latents, { samples: 1024, groups: 1, codes: 1024, dim: 4 }, { signal }),
  ).rejects.toThrow("enough");
});
