/** Damage that hyparquet alone would not end on, and row groups that are too large. */
import { fromBuffer } from "@revq/formats";
import { parquetMetadata } from "hyparquet";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { imageColumn, requireReadable } from "../src/images/archives/parquet-column.js";
import { skipDelta } from "../src/images/archives/parquet-delta.js";

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
