/** The photo crops that a run without `--data` trains on. */
import { sampleImages, sampleImagesFolder } from "@revq/sample-images";
import type { SampleImages } from "@revq/train";
import { fileURLToPath } from "node:url";

export function bundledImages(): SampleImages {
  const photographs = new Map(sampleImages.map(({ name, photograph }) => [name, photograph]));
  return {
    folder: fileURLToPath(sampleImagesFolder),
    photographOf: (name) => photographs.get(name) ?? name,
  };
}
