/** samples.png: one row per image, original | VAE | quantized | rectified. */
import { imageGrid, writePng } from "@revq/data";
import { panelColumns, type Panel } from "../evaluation/panels.js";

export async function writeSamples(path: string, panels: readonly Panel[], size: number): Promise<void> {
  await writePng(path, panelGrid(panels, size));
}

/** One row per panel, with the names of the stages above. */
export function panelGrid(panels: readonly Panel[], size: number): ReturnType<typeof imageGrid> {
  const rows = panels.map((panel) => panelColumns.map(({ stage }) => toSignedRange(panel[stage])));
  return imageGrid(rows, size, { labels: panelColumns.map(({ label }) => label) });
}

/** [0, 1] to [-1, 1]. */
function toSignedRange(image: Float32Array): Float32Array {
  return image.map((value) => value * 2 - 1);
}
