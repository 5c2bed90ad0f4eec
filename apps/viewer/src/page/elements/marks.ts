/** Rectangles over pictures: dark and light lines, so that they show on any picture. */
import type { Box } from "../token-boxes.js";

/** @param picture where the picture lies on the canvas, in CSS pixels */
export function drawBox(
  context: CanvasRenderingContext2D,
  { left, top, right, bottom }: Box,
  picture: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
  strong: boolean,
): void {
  const line = strong ? 2 : 1;
  const x = picture.left + left * picture.width;
  const y = picture.top + top * picture.height;
  const [w, h] = [(right - left) * picture.width, (bottom - top) * picture.height];
  for (const [inset, colour] of [
    [line / 2, "#000c"],
    [line * 1.5, "#fff"],
  ] as const) {
    context.lineWidth = line;
    context.strokeStyle = colour;
    context.strokeRect(x + inset, y + inset, Math.max(1, w - 2 * inset), Math.max(1, h - 2 * inset));
  }
}
