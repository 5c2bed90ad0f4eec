/** Several sources of latents as one. */
import { latentShapeToArray, latentSize, RevqError, sameLatentShape, type LatentSource } from "@revq/core";
import { requireRow } from "./in-memory.js";

/** @throws RevqError `latents-shape` when their latents have different shapes */
export function joinLatents(
  sources: readonly { readonly name: string; readonly latents: LatentSource }[],
): LatentSource {
  const [first, ...others] = sources;
  if (!first) throw new RangeError("At least one source is needed.");
  const { shape } = first.latents;
  const other = others.find(({ latents }) => !sameLatentShape(latents.shape, shape));
  if (other) {
    throw new RevqError(
      "latents-shape",
      `${other.name} has latents [${latentShapeToArray(other.latents.shape)}], ${first.name} has [${latentShapeToArray(shape)}].`,
      { fix: "Name latents of one backbone and image size.", setting: { path: "data.latents" } },
    );
  }
  if (others.length === 0) return first.latents;
  const size = latentSize(shape);
  const starts: number[] = [];
  let count = 0;
  for (const { latents } of sources) {
    starts.push(count);
    count += latents.count;
  }
  return {
    shape,
    count,
    async read(indices) {
      const wanted = sources.map(() => ({ rows: [] as number[], at: [] as number[] }));
      for (let at = 0; at < indices.length; at++) {
        const index = requireRow(indices[at]!, count);
        const source = starts.findLastIndex((start) => start <= index);
        wanted[source]!.rows.push(index - starts[source]!);
        wanted[source]!.at.push(at);
      }
      const result = new Float32Array(indices.length * size);
      for (const [source, { rows, at }] of wanted.entries()) {
        if (rows.length === 0) continue;
        const values = await sources[source]!.latents.read(rows);
        at.forEach((to, i) => result.set(values.subarray(i * size, (i + 1) * size), to * size));
      }
      return result;
    },
  };
}
