/** The latents that `revq bench nearest` draws queries and codes from. */
import { RevqError } from "@revq/core";
import { readNpyFloat32 } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { UsageError } from "../errors/usage-error.js";

/** @param width elements that a latent must have at least. Throws `bench-latents`. */
export async function readBenchLatents(
  file: string | undefined,
  width: number,
): Promise<{ latents: Float32Array; latentSamples: number }> {
  if (file === undefined) {
    throw new UsageError("bench-latents", "--data latents needs a file of latents.", {
      fix: "Name one: --latents FILE.npy.",
    });
  }
  const { shape, data } = await readNpyFloat32(await fromFile(file));
  const samples = shape[0] ?? 0;
  if (samples < 2 || data.length / samples < width) {
    throw new RevqError(
      "bench-latents",
      `${file} has the shape [${shape.join(", ")}]; at least 2 latents of ${width} elements (groups x dim) are needed.`,
      { fix: "Use smaller --groups or --dim, or another file." },
    );
  }
  return { latents: data, latentSamples: samples };
}
