/** Damage that hyparquet alone would not end on, and row groups that are too large. */
import { isRevqError, type ByteSource } from "@revq/core";
import { fromBuffer } from "@revq/formats";
import { parquetMetadata } from "hyparquet";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { imageColumn, requireReadable } from "../src/images/archives/parquet-column.js";
import { skipDelta } from "../src/images/archives/parquet-delta.js";
import { findParquetImages } from "../src/images/archives/parquet-images.js";
import { requireRuns } from "../src/images/archives/parquet-runs.js";
import { findings } from "../src/images/find/findings.js";

/** The example of the specification: 7, 5, 3, 1, 2, 3, 4, 5 in one block of 128 values in 4 parts. */
const example = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0];

it("skips a sequence of the encoding's specification", () => {
  const bytes = Uint8Array.from([9, 9, ...example, 77]);
  expect(skipDelta(bytes, 2, 8)).toBe(2 + example.length);
  expect(skipDelta(Uint8Array.from([0x80, 1, 4, 1, 14]), 0, 1)).toBe(5);
});

it.each([
  ["blocks of no values", [0, 4, 8, 14, 3, 2, 0, 0, 0], /delta blocks of 0 values/],
  ["blocks without parts", [0x80, 1, 0, 8, 14, 3], /in 0 parts/],
  ["a negative number of parts", [0x80, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 8, 14], /in 4294967295 parts/],
  ["another number of values", [0x80, 1, 4, 9, 14, 3], /9 lengths of 8 values/],
  ["no end", [0x80, 1, 4, 8, 14, 3, 2, 0], /end too early/],
])("refuses %s", (_, bytes, message) => {
  expect(() => skipDelta(Uint8Array.from(bytes), 0, 8)).toThrow(message);
});

it("skips runs of the specification's example: 0 to 7 in 3 bits, packed; and a run of 100 equal values", () => {
  const packed = [0x03, 0b10001000, 0b11000110, 0b11111010];
  expect(requireRuns(Uint8Array.from([9, ...packed, 0xc8, 1, 5, 77]), 1, 3, 108)).toBe(8);
  expect(requireRuns(Uint8Array.from(packed), 0, 3, 5), "filled up to 8").toBe(4);
});

it.each([
  ["a run of more values than there are", [0xca, 1, 5], /a run of 101 values, 100 are left/],
  ["packed values of more than there are", [0x1d, 0], /a run of 112 values, 100 are left/],
  ["a run of a billion values", [0xfe, 0xff, 0xff, 0xff, 0x07, 1], /a run of 1073741823 values/],
  ["no end", [0x80, 0x80], /end too early/],
])("refuses %s", (_, bytes, message) => {
  expect(() => requireRuns(Uint8Array.from(bytes), 0, 3, 100)).toThrow(message);
});

it("refuses a table with such levels at once: hyparquet alone takes seconds and gigabytes", async () => {
  const bytes = await readFile(join(import.meta.dirname, "fixtures/long-run.parquet"));
  const found = findings();
  await findParquetImages(fromBuffer("x.parquet", bytes), "x.parquet", null, found);
  await expect(found.images.at(0).read()).rejects.toMatchObject({ code: "parquet-damaged" });
  const { cause } = (await found.images
    .at(0)
    .read()
    .catch((error: unknown) => error)) as { cause?: Error };
  expect(String(cause ?? "")).toMatch(/run|levels|early/);
});

it("names the row group size to write, where one is too large", async () => {
  const bytes = await readFile(join(import.meta.dirname, "fixtures/required.parquet"));
  const metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  const { name } = imageColumn("x.parquet", metadata);
  const [group] = metadata.row_groups;
  group!.num_rows = 10_000n;
  group!.columns.forEach(({ meta_data }) => (meta_data!.total_uncompressed_size = 5n * 2n ** 30n));
  expect(() => requireReadable(fromBuffer("x.parquet", bytes), name, metadata)).toThrow(
    expect.objectContaining({
      code: "parquet-group-size",
      message: expect.stringMatching(/row group 0 has 10000 rows with 10\.0 GiB/),
      fix: expect.stringMatching(/row_group_size=125\)/),
    }),
  );
});

const whole = new Uint8Array(await readFile(join(import.meta.dirname, "fixtures/pages.parquet")));

function changed(change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = whole.slice();
  change(bytes);
  return bytes;
}

it.each([
  ["empty", new Uint8Array(0), /it is empty/],
  ["of three bytes", whole.slice(0, 3), /none of the marks of a Parquet file/],
  ["cut", whole.slice(0, whole.length / 2), /it is cut off: its \d+ bytes do not end with a footer/],
  ["all zeros", new Uint8Array(whole.length), /none of the marks/],
  ["with a footer longer than itself", changed((b) => b.fill(0x7f, -8, -4)), /a footer of 2139062143 bytes, and has/],
  ["with a footer too short", changed((b) => b.set([5, 0, 0, 0], b.length - 8)), /the list of its columns cannot/],
  ["with a footer of noise", changed((b) => b.fill(0xee, -300, -8)), /the list of its columns cannot be decoded/],
  ["encrypted", changed((b) => (b[b.length - 1] = 0x45)), /it is encrypted/],
])("tells a file %s in plain words", async (_, bytes, message) => {
  const error: unknown = await findParquetImages(fromBuffer("x.parquet", bytes), "x", null, findings()).catch(
    (cause: unknown) => cause,
  );
  expect(error).toMatchObject({ code: "parquet-damaged", message: expect.stringMatching(message) });
});

it("decodes a damaged row group once, not for each of its rows", async () => {
  const source = fromBuffer(
    "x.parquet",
    changed((bytes) => bytes.fill(0xff, 4, 40)),
  );
  let reads = 0;
  const counted: ByteSource = {
    name: source.name,
    size: source.size,
    read: (offset, length) => {
      reads++;
      return source.read(offset, length);
    },
  };
  const found = findings();
  await findParquetImages(counted, "x", null, found);
  reads = 0;
  const errors = await Promise.all([...found.images].map((image) => image.read().catch((error: unknown) => error)));
  expect(errors).toHaveLength(160);
  const damage = errors.filter((error) => isRevqError(error) && error.code === "parquet-damaged");
  expect(damage.length).toBeGreaterThanOrEqual(50);
  expect(reads).toBeLessThan(5);
});
