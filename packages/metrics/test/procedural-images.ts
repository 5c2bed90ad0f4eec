/**
 * The image pairs of tools/golden/ssim.py, number for number. Interleaved [height, width, channels]
 * in [0, 1].
 */

export function imagePair(kind: string, height: number, width: number, channels: number): [Float32Array, Float32Array] {
  const a = new Float64Array(height * width * channels);
  const noise = new Float64Array(a.length);
  const shifted = new Float64Array(a.length);
  const at = (y: number, x: number, c: number) => (y * width + x) * channels + c;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const ramp = (x * 3 + y * 2 + c * 40) % 256;
        const blocks = ((Math.floor(x / 13) + Math.floor(y / 7) + c) % 2) * 64;
        a[at(y, x, c)] = Math.min(ramp * 0.75 + blocks, 255) / 255;
        noise[at(y, x, c)] = ((x * 7919 + y * 104729 + c * 1299709 + x * y * 31) % 65536) / 32768 - 1;
      }
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) shifted[at(y, (x + 2) % width, c)] = a[at(y, x, c)]!;
    }
  }
  const changes: Record<string, (value: number, i: number) => number> = {
    "weak-noise": (value, i) => value + noise[i]! * 0.02,
    "strong-noise": (value, i) => value + noise[i]! * 0.5,
    dark: (value) => value * 0.5,
    inverted: (value) => 1 - value,
    flat: () => 0.25,
    shift: (_, i) => shifted[i]!,
  };
  const clip = (value: number) => Math.min(1, Math.max(0, value));
  return [Float32Array.from(a, clip), Float32Array.from(a.map(changes[kind]!), clip)];
}
