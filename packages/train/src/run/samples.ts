/** samples.png: one row per image, original | VAE | quantized | rectified. */
import { imageGrid, writePng } from "@revq/data";
import type { Panel } from "../evaluation/evaluate-images.js";

export async function writeSamples(path: string, panels: readonly Panel[], size: number): Promise<void> {
  const rows = panels.map(({ original, vae, quantized, rectified }) =>
    [original, vae, quantized, rectified].map(toSignedRange),
  );
  await writePng(path, imageGrid(rows, size, { labels: ["original", "VAE", "quantized", "rectified"] }));
}

/** [0, 1] to [-1, 1]. */
function toSignedRange(image: Float32Array): Float32Array {
  return image.map((value) => value * 2 - 1);
}
