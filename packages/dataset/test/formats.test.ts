/** The bytes of every format, read by hand or by another library. */
import "@tensorflow/tfjs-backend-cpu";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTokenizer } from "../../tokenizer/test/tiny-tokenizer.js";
import { tarArchive } from "../src/formats/tar.js";
import { readTokens, tokenizerFingerprint, type DatasetFormatId } from "../src/index.js";
import { filesOf, makePhotos, temporaryFolder, tokenize } from "./job.js";

const folder = temporaryFolder();
const photos = join(folder, "photos");
let tokenizer: Tokenizer;
/** Codes of the images by name. */
const codes = new Map<string, number[]>();
/** In the order of the names; without the broken one. */
const names = Array.from({ length: 9 }, (_, i) => `${i % 2 ? "dogs" : "cats"}/0${i}.png`).sort();
const labelOf = (name: string): number => Number(name.startsWith("dogs"));

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  await makePhotos(photos, 9);
  const { openImages } = await import("@revq/data");
  const images = await openImages(photos, { size: 32 });
  for await (const {
    names: [name],
    pixels,
  } of images.batches(1)) {
    const batch = tf.tensor4d(pixels, [1, 32, 32, 3]);
    const ids = await tokenizer.encodeImages(batch);
    codes.set(name!, [...(await ids.data())]);
    tf.dispose([batch, ids]);
  }
  expect([...codes.keys()]).toEqual(names);
}, 60_000);
afterAll(() => {
  tokenizer.dispose();
  rmSync(folder, { recursive: true });
});

async function make(format: DatasetFormatId): Promise<Map<string, Buffer>> {
  const { joined, skipped } = await tokenize(photos, join(folder, format), tokenizer, { format });
  expect(joined).toMatchObject({ samples: 9, skipped: 1, shards: 3 });
  expect(skipped.map(({ name }) => name)).toEqual(["dogs/broken.png"]);
  const files = filesOf(join(folder, format));
  expect(JSON.parse(files.get("labels.json")!.toString())).toEqual({
    source: "folder",
    column: null,
    names: ["cats", "dogs"],
  });
  expect(JSON.parse(files.get("vocabulary.json")!.toString())).toMatchObject({ form: "codes", size: 32 });
  return files;
}

/** uint16 little-endian behind a header of `numpy.save`. */
function npyRow(bytes: Buffer, shape: string): number[] {
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from("\x93NUMPY\x01\0", "latin1"));
  const start = 10 + bytes.readUInt16LE(8);
  expect(bytes.subarray(10, start).toString()).toContain(`'descr': '<u2', 'fortran_order': False, 'shape': ${shape}`);
  return Array.from({ length: (bytes.length - start) / 2 }, (_, i) => bytes.readUInt16LE(start + 2 * i));
}

/** Members of a tar by the fields of their headers. */
function members(archive: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let at = 0; archive[at] !== 0;) {
    const field = (from: number, to: number): string =>
      archive.toString("latin1", at + from, at + to).replace(/\0.*/s, "");
    const header = Buffer.from(archive.subarray(at, at + 512)).fill(" ", 148, 156);
    expect(parseInt(field(148, 156), 8)).toBe(header.reduce((sum, byte) => sum + byte, 0));
    expect(field(257, 263)).toBe("ustar");
    const size = parseInt(field(124, 136), 8);
    found.set(field(0, 100), archive.subarray(at + 512, at + 512 + size));
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return found;
}

describe("the formats", () => {
  it("webdataset: members of a key follow each other", async () => {
    const files = await make("webdataset");
    expect([...files.keys()].filter((name) => !name.startsWith("job/"))).toEqual([
      "dataset.json",
      "labels.json",
      "tokens-00000-of-00003.tar",
      "tokens-00001-of-00003.tar",
      "tokens-00002-of-00003.tar",
      "vocabulary.json",
    ]);
    const archive = members(files.get("tokens-00001-of-00003.tar")!);
    expect([...archive.keys()]).toEqual(
      [4, 5, 6, 7].flatMap((i) => ["cls", "ids.npy", "json"].map((extension) => `0000000${i}.${extension}`)),
    );
    for (const [i, name] of names.slice(4, 8).entries()) {
      const key = `0000000${4 + i}`;
      expect(npyRow(archive.get(`${key}.ids.npy`)!, "(24,)")).toEqual(codes.get(name));
      expect(archive.get(`${key}.cls`)!.toString()).toBe(String(labelOf(name)));
      expect(JSON.parse(archive.get(`${key}.json`)!.toString())).toEqual({ key: name });
    }
  });

  it("npy: one array, and lists of keys and labels", async () => {
    const files = await make("npy");
    expect(npyRow(files.get("tokens.npy")!, "(9, 24)")).toEqual(names.flatMap((name) => codes.get(name)!));
    expect(JSON.parse(files.get("tokens.idx.json")!.toString())).toEqual({
      samples: 9,
      tokens: 24,
      dtype: "uint16",
      keys: names,
      labels: names.map(labelOf),
    });
  });

  it("bin: the same without a header", async () => {
    const files = await make("bin");
    const bytes = files.get("tokens.bin")!;
    expect(Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i))).toEqual(
      names.flatMap((name) => codes.get(name)!),
    );
  });

  it("jsonl: a sample a line, and nothing else in any .jsonl", async () => {
    const files = await make("jsonl");
    expect([...files.keys()].filter((name) => name.endsWith(".jsonl"))).toEqual(["tokens.jsonl"]);
    const lines = files.get("tokens.jsonl")!.toString().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      names.map((name) => ({ class_id: labelOf(name), tokens: codes.get(name), key: name })),
    );
  });

  it("parquet: features with the names of classes, as `datasets` looks for them", async () => {
    const files = await make("parquet");
    const bytes = files.get("tokens-00000-of-00003.parquet")!;
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const metadata = parquetMetadata(file);
    expect(JSON.parse(metadata.key_value_metadata!.find(({ key }) => key === "huggingface")!.value!)).toEqual({
      info: {
        features: {
          key: { dtype: "string", _type: "Value" },
          ids: { feature: { dtype: "uint16", _type: "Value" }, _type: "Sequence" },
          label: { names: ["cats", "dogs"], _type: "ClassLabel" },
        },
      },
    });
    // Else `datasets` takes no feature.
    const fields = metadata.schema.filter(({ name }) => name !== "schema" && name !== "list");
    expect(new Set(fields.map((field) => field.repetition_type))).toEqual(new Set(["OPTIONAL"]));
    const rows = await parquetReadObjects({ file });
    expect(rows).toEqual(
      names.slice(0, 4).map((name) => ({ key: name, ids: codes.get(name), label: BigInt(labelOf(name)) })),
    );
  });

  it("llamagen is refused with the reason", async () => {
    await expect(make("llamagen")).rejects.toThrow(/they have 12 codebooks; one was expected/);
  });

  it("all of them are read back, whole or in part", async () => {
    const expected = names.flatMap((name) => codes.get(name)!);
    for (const format of ["webdataset", "parquet", "npy", "jsonl", "bin"] as const) {
      const { ids, names: found, record, madeBy } = await readTokens(join(folder, format), { tokens: 24 });
      expect(madeBy, format).toBe(await tokenizerFingerprint(tokenizer));
      expect([...ids], format).toEqual(expected);
      expect(found, format).toEqual(names);
      expect(record.form, format).toBe("codes");
      const some = await readTokens(join(folder, format), { tokens: 24, limit: 5 });
      expect([...some.ids], format).toEqual(expected.slice(0, 5 * 24));
    }
    const shard = await readTokens(join(folder, "webdataset/tokens-00001-of-00003.tar"), { tokens: 24 });
    expect(shard.names).toEqual(names.slice(4, 8));
    const other = readTokens(join(folder, "jsonl/tokens.jsonl"), { tokens: 16 });
    await expect(other).rejects.toThrow(/sample 0 has 24 ids, the tokenizer has 16 tokens/);
  });
});

it("names that do not fit a header are refused", () => {
  expect(() => tarArchive([{ name: "x".repeat(101), data: new Uint8Array(0) }])).toThrow(/100 are the limit/);
});

it("ids of a model that are no ids are refused with the place", async () => {
  const parquet = (ids: unknown[]): Uint8Array =>
    new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "ids", data: [ids], type: "JSON" }] }));
  const read = async (name: string, data: Uint8Array | string) => {
    writeFileSync(join(folder, name), data);
    return readTokens(join(folder, name), { tokens: 2 });
  };
  await expect(read("null.parquet", parquet([1, null]))).rejects.toThrow(/sample 0, token 1: id null is no integer/);
  await expect(read("half.parquet", parquet([0.5, 1]))).rejects.toThrow(/sample 0, token 0: id 0.5 is no integer/);
  await expect(read("far.parquet", parquet([2 ** 31, 1]))).rejects.toThrow(/id 2147483648 is beyond 32 bits/);
  await expect(read("model.bin", "123")).rejects.toThrow(/3 bytes are not a whole number of images of 2 uint16 ids/);
  const wide = BigInt64Array.from({ length: 64 }, (_, i) => BigInt(i % 8));
  await expect(read("wide.bin", new Uint8Array(wide.buffer))).rejects.toThrow(/seems to hold int64/);
  await expect(read("wide.bin", new Uint8Array(Int32Array.from(wide, Number).buffer))).rejects.toThrow(/int32/);
  expect([...(await read("few.bin", new Uint8Array(wide.buffer, 8, 8))).ids]).toEqual([1, 0, 0, 0]);
  const sparse = Uint16Array.from({ length: 64 }, (_, i) => 3 * ((i % 2) ^ 1));
  expect((await read("sparse.bin", new Uint8Array(sparse.buffer))).ids.length).toBe(64);
  await expect(read("empty.parquet", "")).rejects.toThrow(/cannot be read as Parquet: it is empty/);
  await expect(read("text.parquet", "PAR1 and more, PAR1")).rejects.toThrow(/cannot be read as Parquet/);
  await expect(read("empty.jsonl", "")).rejects.toThrow(/holds no samples/);
  await expect(read("cut.jsonl", '{"tokens": [1, 2]}\n{"tokens":')).rejects.toThrow(/line 2 is not JSON/);
  await expect(read("text.jsonl", '{"tokens": "12"}')).rejects.toThrow(/line 1 has no list "tokens" of integers/);
  expect((await read("keys.jsonl", '{"tokens": [1, 2], "key": 5}\n{"ids": [3, 4], "key": null}')).names).toEqual([]);
});
