/**
 * Antialiased Lanczos3 resampling of 8-bit RGB with the same bits as Pillow (`Image.resize` with
 * `LANCZOS`, `Resample.c`): separable, rows first, coefficients in 22-bit fixed point, an 8-bit
 * image between the passes. It is not a library's, so that Node and browsers give a model the same
 * pixels.
 */

/** `data` is `[height, width, 3]` uint8, row-major sRGB. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A part of the resized image, in its pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const precisionBits = 22;
const one = 1 << precisionBits;
const half = 1 << (precisionBits - 1);
const lanczosSupport = 3;

/**
 * Resizes `image` to `width` x `height` and returns a window of the result (default: all of it).
 * Only the pixels of the window are computed. A side that keeps its length is not filtered; if both do, the result may share
 * the image's memory.
 */
export function resizeLanczos(image: RgbImage, width: number, height: number, window?: Window): RgbImage {
  const wanted = window ?? { left: 0, top: 0, width, height };
  const columns = coefficients(image.width, width, wanted.left, wanted.width);
  const rows = coefficients(image.height, height, wanted.top, wanted.height);
  const firstRow = rows.starts[0]!;
  const lastRow = rows.starts[wanted.height - 1]! + rows.counts[wanted.height - 1]!;
  const narrow = resampleRows(image, columns, firstRow, lastRow - firstRow);
  return { width: wanted.width, height: wanted.height, data: resampleColumns(narrow, wanted.width, rows, firstRow) };
}

/**
 * For output pixel i: input pixels `starts[i]` .. `starts[i] + counts[i]`, weighted by
 * `weights[i * stride ...]` / 2^22.
 */
interface Coefficients {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

function coefficients(inputSize: number, outputSize: number, first: number, count: number): Coefficients {
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  if (inputSize === outputSize) {
    starts.forEach((_, i) => (starts[i] = first + i));
    return { starts, counts: counts.fill(1), weights: new Int32Array(count).fill(one), stride: 1 };
  }
  const scale = inputSize / outputSize;
  const filterScale = Math.max(scale, 1);
  const support = lanczosSupport * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const weights = new Int32Array(count * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
    let total = 0;
    for (let x = start; x < end; x++) {
      const weight = lanczos((x - centre + 0.5) / filterScale);
      exact[x - start] = weight;
      total += weight;
    }
    for (let x = 0; x < end - start; x++) {
      const scaled = (total === 0 ? exact[x]! : exact[x]! / total) * one;
      weights[i * stride + x] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    starts[i] = start;
    counts[i] = end - start;
  }
  return { starts, counts, weights, stride };
}

function lanczos(x: number): number {
  return x >= -lanczosSupport && x < lanczosSupport ? sinc(x) * sinc(x / lanczosSupport) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Every output pixel is the input pixel at its place, from the first one on. */
function isCopy({ counts, stride }: Coefficients): boolean {
  return stride === 1 && counts.length > 0;
}

/** Resamples `rowCount` rows from `firstRow` on to one pixel per set of coefficients. */
function resampleRows(image: RgbImage, columns: Coefficients, firstRow: number, rowCount: number): Uint8Array {
  const { data, width } = image;
  const outputWidth = columns.starts.length;
  if (isCopy(columns)) return copyColumns(image, columns.starts[0]!, outputWidth, firstRow, rowCount);
  const output = new Uint8ClampedArray(rowCount * outputWidth * 3);
  for (let y = 0, to = 0; y < rowCount; y++) {
    const row = (firstRow + y) * width * 3;
    for (let x = 0; x < outputWidth; x++, to += 3) {
      let from = row + columns.starts[x]! * 3;
      const start = x * columns.stride;
      const end = start + columns.counts[x]!;
      let red = half;
      let green = half;
      let blue = half;
      for (let k = start; k < end; k++, from += 3) {
        const weight = columns.weights[k]!;
        red += Math.imul(data[from]!, weight);
        green += Math.imul(data[from + 1]!, weight);
        blue += Math.imul(data[from + 2]!, weight);
      }
      output[to] = red >> precisionBits;
      output[to + 1] = green >> precisionBits;
      output[to + 2] = blue >> precisionBits;
    }
  }
  return new Uint8Array(output.buffer);
}

function copyColumns(
  { data, width }: RgbImage,
  left: number,
  outputWidth: number,
  firstRow: number,
  rowCount: number,
): Uint8Array {
  if (outputWidth === width) return data.subarray(firstRow * width * 3, (firstRow + rowCount) * width * 3);
  const output = new Uint8Array(rowCount * outputWidth * 3);
  for (let y = 0; y < rowCount; y++) {
    const from = ((firstRow + y) * width + left) * 3;
    output.set(data.subarray(from, from + outputWidth * 3), y * outputWidth * 3);
  }
  return output;
}

/**
 * Four rows at a time, so that the sums are read and written a quarter as often.
 * @param data begins at row `firstRow` of the image that the coefficients refer to
 */
function resampleColumns(data: Uint8Array, width: number, rows: Coefficients, firstRow: number): Uint8Array {
  const outputHeight = rows.starts.length;
  const rowLength = width * 3;
  if (isCopy(rows)) {
    const from = (rows.starts[0]! - firstRow) * rowLength;
    return data.subarray(from, from + outputHeight * rowLength);
  }
  const output = new Uint8ClampedArray(outputHeight * rowLength);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < outputHeight; y++) {
    sums.fill(half);
    const count = rows.counts[y]!;
    const first = (rows.starts[y]! - firstRow) * rowLength;
    const weight = (k: number): number => (k < count ? rows.weights[y * rows.stride + k]! : 0);
    for (let k = 0; k < count; k += 4) {
      const [a, b, c, d] = [weight(k), weight(k + 1), weight(k + 2), weight(k + 3)];
      // Rows beyond the last have the weight 0; the last one stands for them.
      const at = (row: number): number => first + Math.min(row, count - 1) * rowLength;
      const [atA, atB, atC, atD] = [at(k), at(k + 1), at(k + 2), at(k + 3)];
      for (let i = 0; i < rowLength; i++) {
        sums[i] =
          (sums[i]! +
            Math.imul(data[atA + i]!, a) +
            Math.imul(data[atB + i]!, b) +
            Math.imul(data[atC + i]!, c) +
            Math.imul(data[atD + i]!, d)) |
          0;
      }
    }
    for (let i = 0; i < rowLength; i++) output[y * rowLength + i] = sums[i]! >> precisionBits;
  }
  return new Uint8Array(output.buffer);
}
