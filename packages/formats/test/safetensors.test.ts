import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRevqError } from "@revq/core";
import {
  dtypes,
  fromBuffer,
  openSafetensors,
  streamSafetensors,
  writeSafetensors,
  type DType,
  type TensorToWrite,
} from "../src/index.js";
import { fromFile } from "../src/node/index.js";
import { goldenBytes, hasShared, mutations, shared } from "./fixtures.js";

const open = (bytes: Uint8Array) => openSafetensors(fromBuffer("model.safetensors", bytes));

/** A file from a header text and data of `size` zeros. */
function fileOf(header: string, size = 0, claimed?: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  file.set(json, 8);
  return file;
}
const entry = (dtype: unknown, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

async function tensorsOf(bytes: Uint8Array): Promise<TensorToWrite[]> {
  const file = await open(bytes);
  return Promise.all(
    [...file.tensors].map(async ([name, { dtype }]) => ({ name, dtype: dtype as DType, ...(await file.read(name)) })),
  );
}

describe("openSafetensors", () => {
  it("reads every dtype that the reference library writes", async () => {
    const file = await open(goldenBytes("safetensors/all-dtypes.safetensors"));
    expect(file.metadata).toEqual({ format: "pt" });
    expect(new Set([...file.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(dtypes));
    for (const [name, info] of file.tensors) {
      if (info.shape.length !== 2 || info.shape[0] === 0) continue;
      const expected = { B: [0, 1, 0, 1, 0, 1], U: [0, 1, 2, 3, 4, 5], I: [-3, -2, -1, 0, 1, 2] }[info.dtype[0]!];
      const { shape, data } = await file.readFloat32(name);
      expect(shape).toEqual([2, 3]);
      expect([...data], name).toEqual(info.dtype === "BF16" || !expected ? [-1.5, -1, -0.5, 0, 0.5, 1] : expected);
    }
    expect(await file.readFloat32("scalar")).toEqual({ shape: [], data: Float32Array.of(-1.5) });
    expect((await file.read("z.int64")).data).toEqual(BigInt64Array.of(-3n, -2n, -1n, 0n, 1n, 2n));
    expect((await file.read("empty")).data).toHaveLength(0);
  });

  it("gives float32 data that the caller may write to", async () => {
    const bytes = goldenBytes("safetensors/all-dtypes.safetensors");
    const file = await open(bytes);
    (await file.readFloat32("z.float32")).data.fill(9);
    expect([...(await file.readFloat32("z.float32")).data]).toEqual([-1.5, -1, -0.5, 0, 0.5, 1]);
  });

  it("names the nearest tensor when one is missing", async () => {
    const file = await open(goldenBytes("safetensors/all-dtypes.safetensors"));
    await expect(file.read("z.float31")).rejects.toMatchObject({
      code: "safetensors-unknown-tensor",
      fix: expect.stringContaining('"z.float32"'),
    });
  });

  const f32 = (offsets: unknown, shape: unknown = [2]) => entry("F32", shape, offsets);
  it.each<[string, Uint8Array, string, RegExp]>([
    ["nothing", new Uint8Array(0), "safetensors-too-short", /0 bytes/],
    ["7 bytes", new Uint8Array(7), "safetensors-too-short", /7 bytes/],
    ["a header length beyond the file", fileOf("{}", 0, 500), "safetensors-truncated", /10 bytes of at least 508/],
    ["an absurd header length", fileOf("{}", 0, 2 ** 60), "safetensors-header-too-long", /limit is 100000000/],
    ["an empty header", fileOf(""), "safetensors-header-not-json", /does not begin/],
    ["no JSON", fileOf("{nonsense}"), "safetensors-header-not-json", /not JSON/],
    [
      "a header in another encoding",
      fileOf("{}").map((byte, i) => (i === 9 ? 0xff : byte)),
      "safetensors-header-not-json",
      /not JSON/,
    ],
    ["an array", fileOf("[]"), "safetensors-header-not-json", /does not begin/],
    ["metadata of numbers", fileOf('{"__metadata__":{"a":1}}'), "safetensors-metadata", /strings/],
    ["an entry that is no object", fileOf('{"a":3}'), "safetensors-tensor-entry", /"a"/],
    ["an unknown dtype", fileOf(`{"a":${entry("F8_E9M9", [2], [0, 2])}}`, 2), "safetensors-unknown-dtype", /F8_E9M9/],
    ["half a byte", fileOf(`{"a":${entry("F4", [3], [0, 1])}}`, 1), "safetensors-size", /F4 \[3\]/],
    ["no dtype", fileOf('{"a":{"shape":[],"data_offsets":[0,0]}}'), "safetensors-unknown-dtype", /missing/],
    [
      "a dtype from a prototype",
      fileOf(`{"a":${entry("constructor", [2], [0, 8])}}`, 8),
      "safetensors-unknown-dtype",
      /constructor/,
    ],
    ["a negative size", fileOf(`{"a":${f32([0, 8], [-2])}}`, 8), "safetensors-shape", /\[-2\]/],
    ["a broken size", fileOf(`{"a":${f32([0, 8], [1.5])}}`, 8), "safetensors-shape", /1\.5/],
    [
      "a size of infinity",
      fileOf('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}', 8),
      "safetensors-shape",
      /null/,
    ],
    ["a size of NaN", fileOf(`{"a":${f32([0, 8], [null])}}`, 8), "safetensors-shape", /null/],
    ["too many elements", fileOf(`{"a":${f32([0, 8], [2 ** 40, 2 ** 40])}}`, 8), "safetensors-shape", /counted/],
    ["three offsets", fileOf(`{"a":${f32([0, 4, 8])}}`, 8), "safetensors-offsets", /0,4,8/],
    [
      "offsets in reverse",
      fileOf(`{"a":${f32([8, 0])}}`, 8),
      "safetensors-offsets",
      /ends \(0\) before it begins \(8\)/,
    ],
    [
      "a length that does not fit the shape",
      fileOf(`{"a":${f32([0, 12])}}`, 12),
      "safetensors-size",
      /needs 8 bytes.*give 12/,
    ],
    ["overlap", fileOf(`{"a":${f32([0, 8])},"b":${f32([4, 12])}}`, 12), "safetensors-overlap", /"b" begins at byte 4/],
    ["the same place twice", fileOf(`{"a":${f32([0, 8])},"b":${f32([0, 8])}}`, 8), "safetensors-overlap", /byte 0/],
    ["a hole", fileOf(`{"a":${f32([0, 8])},"b":${f32([12, 20])}}`, 20), "safetensors-hole", /8 to 12.*"b"/],
    ["a hole at the start", fileOf(`{"a":${f32([4, 12])}}`, 12), "safetensors-hole", /0 to 4/],
    ["bytes at the end", fileOf(`{"a":${f32([0, 8])}}`, 9), "safetensors-trailing-bytes", /1 bytes follow/],
    ["a truncated file", fileOf(`{"a":${f32([0, 8])}}`, 7), "safetensors-truncated", /got \d+ bytes of \d+/],
    [
      "the same name twice",
      fileOf(`{"a":${f32([0, 8])},"a":${f32([0, 8])}}`, 8),
      "safetensors-duplicate-key",
      /"a" twice/,
    ],
    [
      "the same name in two spellings",
      fileOf(`{"a":${f32([0, 8])},"\\u0061":${f32([0, 8])}}`, 8),
      "safetensors-duplicate-key",
      /"a" twice/,
    ],
    [
      "a git-LFS pointer",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
      "git-lfs-pointer",
      /git-LFS pointer/,
    ],
    ["a web page", new TextEncoder().encode("<!DOCTYPE html><html><body>404"), "html-instead-of-data", /HTML/],
  ])("refuses %s", async (_, bytes, code, message) => {
    const error = await open(bytes).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "RevqError", code, fix: expect.any(String) });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain("model.safetensors");
  });

  it("takes names such as __proto__ as names, and braces and quotes inside them", async () => {
    const names = ["__proto__", "constructor", 'a"b{[', "}"];
    const tensors = names.map((name, i) => ({ name, shape: [1], data: Float32Array.of(i) }));
    const file = await open(writeSafetensors(tensors));
    expect(new Set(file.tensors.keys())).toEqual(new Set(names));
    for (const [i, name] of names.entries()) expect((await file.readFloat32(name)).data[0]).toBe(i);
  });

  it("answers damaged bytes with a RevqError or a file it can read, never otherwise", async () => {
    const seed = goldenBytes("safetensors/all-dtypes.safetensors");
    const interesting = [0, 1, 8, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x3a, 0x5b, 0x5d, 0x65, 0x7b, 0x7d, 0xff];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(seed.length - 1), fc.oneof(fc.constantFrom(...interesting), fc.nat(255))), {
          maxLength: 6,
        }),
        fc.oneof(fc.constant(seed.length), fc.nat(seed.length)),
        async (changes, length) => {
          const bytes = seed.slice(0, length);
          for (const [place, value] of changes) if (place < length) bytes[place] = value;
          try {
            const file = await open(bytes);
            for (const name of file.tensors.keys()) await file.readFloat32(name);
          } catch (error) {
            expect(isRevqError(error), String(error)).toBe(true);
          }
        },
      ),
      { numRuns: mutations },
    );
  });

  // Names and bits of `Dtype` in the reference implementation.
  it.each([
    ["F4", 4],
    ["F6_E2M3", 6],
    ["F6_E3M2", 6],
    ["F8_E4M3", 8],
    ["F8_E5M2", 8],
    ["F8_E8M0", 8],
    ["F8_E4M3FNUZ", 8],
    ["F8_E5M2FNUZ", 8],
    ["C64", 64],
  ])("knows the size of %s, and refuses only those who read such a tensor", async (dtype, bits) => {
    const bytes = (8 * bits) / 8;
    const header = `{"scale":${entry(dtype, [2, 4], [0, bytes])},"weight":${entry("U8", [3], [bytes, bytes + 3])}}`;
    const file = await open(fileOf(header, bytes + 3));
    expect(file.tensors.get("scale")).toMatchObject({ dtype, shape: [2, 4], length: bytes });
    expect((await file.read("weight")).data).toEqual(new Uint8Array(3));
    for (const read of [file.read, file.readFloat32]) {
      await expect(read("scale")).rejects.toMatchObject({
        code: "tensor-dtype",
        message: expect.stringContaining(`tensor "scale" is ${dtype}`),
      });
    }
  });

  it.skipIf(!hasShared)("reads every file of ../shared: weights and fixtures (needs ../shared)", async () => {
    for (const folder of ["weights", "fixtures"]) {
      const names = readdirSync(`${shared}/${folder}`).filter((name) => name.endsWith(".safetensors"));
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        const file = await openSafetensors(await fromFile(`${shared}/${folder}/${name}`));
        expect(file.tensors.size).toBeGreaterThan(0);
        const last = [...file.tensors.keys()].at(-1)!;
        expect((await file.readFloat32(last)).data.every(Number.isFinite), `${name} ${last}`).toBe(true);
      }
    }
  });
});

describe("writeSafetensors", () => {
  it.each(["all-dtypes", "no-tensors"])("writes the bytes of the reference library: %s", async (name) => {
    const golden = goldenBytes(`safetensors/${name}.safetensors`);
    const tensors = await tensorsOf(golden);
    const { metadata } = await open(golden);
    expect(writeSafetensors(tensors.reverse(), metadata)).toEqual(golden);
  });

  it("streams the same bytes, one tensor a chunk, loading each in its turn", async () => {
    const golden = goldenBytes("safetensors/all-dtypes.safetensors");
    const loaded: string[] = [];
    const tensors = (await tensorsOf(golden)).map(({ name, shape, dtype, data }) => ({
      name,
      shape,
      dtype: dtype!,
      load: async () => (loaded.push(name), data),
    }));
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamSafetensors(tensors.reverse(), { format: "pt" })) {
      expect(loaded).toHaveLength(chunks.length);
      chunks.push(chunk.slice());
    }
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(golden);
  });

  it("rounds float32 to F16 and BF16 when asked", async () => {
    const data = Float32Array.of(1 / 3, -2);
    const file = await open(
      writeSafetensors([
        { name: "half", shape: [2], data, dtype: "F16" },
        { name: "brain", shape: [2], data, dtype: "BF16" },
        { name: "double", shape: [2], data, dtype: "F64" },
      ]),
    );
    expect([...(await file.readFloat32("half")).data]).toEqual([0.333251953125, -2]);
    expect([...(await file.readFloat32("brain")).data]).toEqual([0.333984375, -2]);
    expect((await file.read("double")).data).toEqual(Float64Array.from(data));
  });

  it("refuses what no reader could open", () => {
    const data = new Float32Array(2);
    expect(() => writeSafetensors([{ name: "a", shape: [3], data }])).toThrow(/needs 3 elements, got 2/);
    expect(() => writeSafetensors([{ name: "a", shape: [-2], data }])).toThrow(/cannot have shape/);
    expect(() =>
      writeSafetensors([
        { name: "a", shape: [2], data },
        { name: "a", shape: [2], data },
      ]),
    ).toThrow(/Two tensors/);
    expect(() => writeSafetensors([{ name: "__metadata__", shape: [2], data }])).toThrow(/reserved/);
    expect(() => writeSafetensors([{ name: "a", shape: [2], data, dtype: "I32" }])).toThrow(
      /Float32Array cannot be written as I32/,
    );
  });

  it("round-trips any names and shapes, aligned to 8 bytes, the same whatever the order", async () => {
    const tensor = fc.record({ name: fc.string({ unit: "grapheme" }), shape: fc.array(fc.nat(4), { maxLength: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 8 }),
        fc.dictionary(fc.string(), fc.string()),
        async (list, metadata) => {
          fc.pre(list.every(({ name }) => name !== "__metadata__"));
          const tensors = list.map(({ name, shape }, i) => ({
            name,
            shape,
            data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(i + 0.5),
          }));
          const file = writeSafetensors(tensors, metadata);
          expect(writeSafetensors(tensors.toReversed(), metadata)).toEqual(file);
          const opened = await open(file);
          expect({ ...opened.metadata }).toEqual({ ...metadata });
          for (const { name, shape, data } of tensors) expect(await opened.readFloat32(name)).toEqual({ shape, data });
          for (const { offset } of opened.tensors.values()) expect(offset % 4).toBe(0);
        },
      ),
    );
  });
});
