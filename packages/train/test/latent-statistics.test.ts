/** Mean and standard deviation of real latents, against those that other software measured. */
import { measureLatents } from "@revq/tokenizer";
import { openLatentsNpy, toChannelLast } from "@revq/data";
import { readNpyFloat32 } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "../../..", process.env["REVQ_SHARED"] ?? "../shared", "data/latents");

it.skipIf(!existsSync(folder))("agree on 8,000 latents (needs ../shared/data/latents)", async () => {
  const source = await openLatentsNpy(join(folder, "train.f16.npy"));
  const theirs = async (file: string): Promise<Float32Array> =>
    toChannelLast((await readNpyFloat32(await fromFile(join(folder, file)))).data, 1, source.shape);
  const [mean, std] = [await theirs("train_mean.npy"), await theirs("train_std.npy")];
  const measured = await measureLatents(source);
  // Theirs was summed in float32: at 8,000 terms that is good for four digits.
  const worst = (errors: Float32Array): number => errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0);
  expect(worst(mean.map((value, i) => measured.mean[i]! - value))).toBeLessThan(1e-4);
  expect(worst(std.map((value, i) => measured.std[i]! / value - 1))).toBeLessThan(1e-4);
});
