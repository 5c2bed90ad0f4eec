/**
 * Damaged archives give errors of ours or skipped images, nothing else, and in bounded time and
 * memory. `REVQ_MUTATIONS` is the number of inputs a parser; more of them make a long run.
 */
import { createRandom, isRevqError, type ByteSource } from "@revq/core";
import { fromBuffer } from "@revq/formats";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findParquetImages } from "../src/images/archives/parquet-images.js";
import { findTarImages } from "../src/images/archives/tar-images.js";
import { findings, type Findings } from "../src/images/find/findings.js";

const inputsPerParser = Number(process.env["REVQ_MUTATIONS"] ?? 2000);
const fixtures = join(import.meta.dirname, "fixtures");
const cases = join(import.meta.dirname, "../../../test/fixtures/cases");

/** Cuts the bytes off, flips bits, writes large numbers, or moves a part. */
function mutate(original: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random.uniform() * limit);
  if (seed % 5 === 0) return original.slice(0, below(original.length));
  const bytes = original.slice();
  for (let count = 1 + below(4); count > 0; count--) {
    const at = below(bytes.length);
    const kind = below(4);
    if (kind === 0) bytes[at]! ^= 1 << below(8);
    if (kind === 1) bytes[at] = below(256);
    if (kind === 2) bytes.fill(255, at, at + 1 + below(6));
    if (kind === 3) bytes.copyWithin(at, below(bytes.length), below(bytes.length));
  }
  return bytes;
}

async function survive(
  path: string,
  inputs: number,
  find: (source: ByteSource, found: Findings) => Promise<void>,
): Promise<void> {
  const original = new Uint8Array(await readFile(path));
  let read = 0;
  for (let seed = 1; seed <= inputs; seed++) {
    const found = findings(1000);
    try {
      await find(fromBuffer("mutated", mutate(original, seed)), found);
    } catch (error) {
      expect(isRevqError(error), `seed ${seed}: ${String((error as Error).stack)}`).toBe(true);
    }
    for (const image of found.images) {
      await image.read().then(
        () => read++,
        (error: unknown) => expect(error, `seed ${seed}`).toBeInstanceOf(Error),
      );
    }
  }
  expect(read).toBeGreaterThan(0);
}

describe(`${inputsPerParser} damaged inputs a parser`, () => {
  it.each(["duplicate-member.tar", "binary-attribute.tar", "hard-link.tar"])(
    "%s",
    (name) =>
      survive(join(cases, name), Math.ceil(inputsPerParser / 3), (source, found) => findTarImages(source, "x", found)),
    600_000,
  );

  it.each([
    join(cases, "parquet-v2-zstd.parquet"),
    join(cases, "parquet-brotli.parquet"),
    join(cases, "parquet-gzip.parquet"),
    join(cases, "parquet-lz4.parquet"),
    join(cases, "parquet-snappy.parquet"),
    join(cases, "parquet-none.parquet"),
    join(fixtures, "list-of-one.parquet"),
    join(fixtures, "dictionary.parquet"),
    join(fixtures, "delta-page-1.parquet"),
    join(fixtures, "delta-page-2.parquet"),
    join(fixtures, "delta.parquet"),
    join(fixtures, "fixed-size.parquet"),
  ])(
    "%s",
    (path) =>
      survive(path, Math.ceil(inputsPerParser / 12), (source, found) => findParquetImages(source, "x", null, found)),
    600_000,
  );
});
