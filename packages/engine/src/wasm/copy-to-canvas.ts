/** Copies an image into a canvas of zeros: padding, cropping and dilation in one pass. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { floats, makeZeros, type WasmBackend } from "./heap.js";

export interface Canvas {
  readonly height: number;
  readonly width: number;
  /** Position of element (0, 0); negative values crop. */
  readonly top: number;
  readonly left: number;
  /** Distance between neighbours on the canvas; default 1. */
  readonly rowStep?: number;
  readonly columnStep?: number;
}

/** x `[n, h, w, c]` float32 -> `[n, canvas.height, canvas.width, c]`. Drops elements outside. */
export function copyToCanvas(wasm: WasmBackend, x: TensorInfo, canvas: Canvas): TensorInfo {
  const { height, width, top, left, rowStep = 1, columnStep = 1 } = canvas;
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const output = makeZeros(wasm, [n, height, width, c]);
  const from = floats(wasm, x);
  const to = floats(wasm, output);
  const firstColumn = Math.max(0, Math.ceil(-left / columnStep));
  const endColumn = Math.min(w, Math.floor((width - 1 - left) / columnStep) + 1);
  if (endColumn <= firstColumn) return output;
  for (let image = 0; image < n; image++) {
    for (let row = 0; row < h; row++) {
      const y = top + row * rowStep;
      if (y < 0 || y >= height) continue;
      const source = (image * h + row) * w * c;
      const target = (image * height + y) * width * c;
      if (columnStep === 1) {
        const start = source + firstColumn * c;
        to.set(from.subarray(start, source + endColumn * c), target + (left + firstColumn) * c);
      } else {
        for (let column = firstColumn; column < endColumn; column++) {
          const start = source + column * c;
          to.set(from.subarray(start, start + c), target + (left + column * columnStep) * c);
        }
      }
    }
  }
  return output;
}
