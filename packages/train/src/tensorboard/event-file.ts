/**
 * Writes TensorBoard's event files. A file is a sequence of TFRecords
 * (tensorflow/core/lib/io/record_writer.h). Each holds one protocol buffer `Event`
 * (tensorflow/core/util/event.proto, framework/summary.proto) with scalars, PNG images or
 * histograms.
 */
import { crc32c } from "./crc32c.js";

export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  | {
      readonly tag: string;
      readonly image: { readonly width: number; readonly height: number; readonly png: Uint8Array };
    }
  | { readonly tag: string; readonly histogram: Histogram };

export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper ends, rising. Bucket i counts values v with limits[i - 1] < v <= limits[i]. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** The first record of every file. @param time seconds since 1970 */
export function fileVersionRecord(time: number): Uint8Array {
  return frameRecord(message([double(1, time), bytes(3, new TextEncoder().encode("brain.Event:2"))]));
}

/** Values of one step. @param time seconds since 1970 */
export function summaryRecord(time: number, step: number, values: readonly SummaryValue[]): Uint8Array {
  const summary = message(values.map((value) => bytes(1, summaryValue(value))));
  return frameRecord(message([double(1, time), varintField(2, step), bytes(5, summary)]));
}

/** uint64 length, its masked CRC, the data, their masked CRC; all little-endian. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return record;
}

/** A CRC of data that hold CRCs is weak, so these are rotated and moved. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function summaryValue(value: SummaryValue): Uint8Array {
  const tag = bytes(1, new TextEncoder().encode(value.tag));
  if ("scalar" in value) return message([tag, float(2, value.scalar)]);
  if ("image" in value) {
    const { width, height, png } = value.image;
    const rgb = 3;
    return message([
      tag,
      bytes(4, message([varintField(1, height), varintField(2, width), varintField(3, rgb), bytes(4, png)])),
    ]);
  }
  const { min, max, count, sum, sumOfSquares, limits, counts } = value.histogram;
  return message([
    tag,
    bytes(
      5,
      message([
        double(1, min),
        double(2, max),
        double(3, count),
        double(4, sum),
        double(5, sumOfSquares),
        bytes(6, packedDoubles(limits)),
        bytes(7, packedDoubles(counts)),
      ]),
    ),
  ]);
}

/** Equal buckets from the smallest to the largest value. Values that are not finite are skipped. */
export function histogramOf(values: ArrayLike<number>, buckets = 30): Histogram {
  const finite = Array.from(values).filter(Number.isFinite);
  const min = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const max = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const number = finite.length === 0 || min === max ? 1 : buckets;
  const width = (max - min) / number;
  const counts = new Array<number>(number).fill(0);
  let sum = 0;
  let sumOfSquares = 0;
  for (const value of finite) {
    sum += value;
    sumOfSquares += value * value;
    const bucket = width > 0 ? Math.ceil((value - min) / width) - 1 : 0;
    counts[Math.min(number - 1, Math.max(0, bucket))]!++;
  }
  const limits = counts.map((_, i) => (i === number - 1 ? max : min + (i + 1) * width));
  return finite.length === 0
    ? { min: 0, max: 0, count: 0, sum: 0, sumOfSquares: 0, limits: [0], counts: [0] }
    : { min, max, count: finite.length, sum, sumOfSquares, limits, counts };
}

// Protocol buffers (protobuf.dev/programming-guides/encoding): a field is a key, number << 3 | wire
// type, and a value.

function message(fields: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(fields.reduce((length, field) => length + field.length, 0));
  let at = 0;
  for (const field of fields) {
    result.set(field, at);
    at += field.length;
  }
  return result;
}

function varint(value: number): Uint8Array {
  const result: number[] = [];
  let left = BigInt(value);
  while (left >= 0x80n) {
    result.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  return Uint8Array.of(...result, Number(left));
}

const key = (field: number, wireType: number): Uint8Array => varint((field << 3) | wireType);
const varintField = (field: number, value: number): Uint8Array => message([key(field, 0), varint(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array => message([key(field, 2), varint(value.length), value]);

function double(field: number, value: number): Uint8Array {
  return message([key(field, 1), packedDoubles([value])]);
}

function float(field: number, value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setFloat32(0, value, true);
  return message([key(field, 5), data]);
}

function packedDoubles(values: readonly number[]): Uint8Array {
  const data = new Uint8Array(8 * values.length);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => view.setFloat64(8 * i, value, true));
  return data;
}
