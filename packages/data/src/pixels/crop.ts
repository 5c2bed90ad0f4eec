/** The two ranges of pixel values; the centre crop is that of `@revq/numerics`. */
export { centreCrop } from "@revq/numerics";

const unitRange = Float32Array.from({ length: 256 }, (_, value) => value / 127.5 - 1);

/** uint8 v -> v / 127.5 - 1, written into `target` from `offset` on. */
export function bytesToUnitRange(bytes: Uint8Array, target: Float32Array, offset = 0): void {
  for (let i = 0; i < bytes.length; i++) target[offset + i] = unitRange[bytes[i]!]!;
}

/** [-1, 1] -> uint8, rounded to nearest. Values outside are clamped; NaN becomes 0. */
export function unitRangeToBytes(pixels: Float32Array): Uint8Array {
  const bytes = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    bytes[i] = Math.round(Math.min(255, Math.max(0, (pixels[i]! + 1) * 127.5)));
  }
  return bytes;
}
