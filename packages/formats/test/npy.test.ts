import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRevqError } from "@revq/core";
import {
  float32ToFloat16,
  fromBuffer,
  npyDTypes,
  openNpy,
  readNpy,
  readNpyFloat32,
  writeNpy,
  writeSafetensors,
  type NpyDType,
  type TensorData,
} from "../src/index.js";
import { fromFile } from "../src/node/index.js";
import { golden, goldenBytes, hasShared, shared, mutations } from "./fixtures.js";

const load = (name: string) => readNpyFloat32(goldenBytes(`npy/${name}.npy`), name);

/** The rule of `values` in tools/golden/tensor-files.py. */
function expectedValues(dtype: string, count = 6): number[] {
  return Array.from({ length: count }, (_, i) =>
    dtype === "bool" ? i % 2 : dtype.startsWith("uint") ? i : dtype.startsWith("int") ? i - 3 : (i - 3) / 2,
  );
}

describe("readNpy", () => {
  it.each(npyDTypes)("reads numpy's %s", async (dtype) => {
    const array = await readNpy(goldenBytes(`npy/${dtype}.npy`));
    expect(array.dtype).toBe(dtype);
    expect(array.shape).toEqual([2, 3]);
    expect([...(await load(dtype)).data]).toEqual(expectedValues(dtype));
  });

  it.each(["float32", "float16", "float64", "int32", "uint16"])("reads big-endian %s", async (dtype) => {
    const { shape, data } = await load(`${dtype}-big-endian`);
    expect(shape).toEqual([2, 3]);
    expect([...data]).toEqual(expectedValues(dtype));
  });

  it("gives Fortran-ordered files in row-major order", async () => {
    const { shape, data } = await load("fortran");
    expect(shape).toEqual([2, 3, 4]);
    expect([...data]).toEqual(expectedValues("float32", 24));
  });

  it("reads scalars, vectors, empty arrays, versions 2.0 and 3.0", async () => {
    expect(await load("scalar")).toEqual({ shape: [], data: Float32Array.of(-1.5) });
    expect((await load("vector")).shape).toEqual([7]);
    expect(await load("empty")).toEqual({ shape: [0, 5], data: new Float32Array(0) });
    for (const version of [2, 3])
      expect([...(await load(`version-${version}`)).data]).toEqual(expectedValues("float32"));
  });

  it.each([
    ["object", /Python objects/],
    ["records", /structured/],
    ["complex", /'<c16'/],
    ["text", /'<U3'/],
  ])("refuses %s arrays and says how to convert them", async (name, message) => {
    await expect(load(name)).rejects.toThrow(message);
    await expect(load(name)).rejects.toMatchObject({ name: "RevqError", fix: expect.stringContaining("astype") });
  });

  it("says what a wrong or truncated file is", async () => {
    const whole = goldenBytes("npy/float32.npy");
    await expect(readNpy(whole.subarray(0, whole.length - 1), "x.npy")).rejects.toThrow("x.npy: got 151 bytes of 152");
    await expect(readNpy(whole.subarray(0, 60))).rejects.toThrow(/truncated/);
    await expect(readNpy(whole.subarray(0, 9))).rejects.toThrow(/ends inside its header/);
    await expect(readNpy(new Uint8Array(0))).rejects.toThrow(/does not begin/);
    await expect(readNpy(new TextEncoder().encode("PK\x03\x04………………"))).rejects.toThrow(/npz/);
    const [npz, checkpoint] = ["arr_0.npy", "lat/data.pkl"].map((entry) =>
      new TextEncoder().encode("PK\x03\x04".padEnd(30, "\0") + entry + "…".repeat(400)),
    ) as [Uint8Array, Uint8Array];
    await expect(readNpy(npz)).rejects.toMatchObject({ code: "npy-is-npz", message: /is a zip archive \(\.npz\)/ });
    await expect(readNpy(checkpoint)).rejects.toMatchObject({ code: "npy-is-torch", fix: /torch\.load/ });
    await expect(
      readNpy(writeSafetensors([{ name: "latents", shape: [1], data: Float32Array.of(1) }])),
    ).rejects.toMatchObject({
      code: "npy-is-safetensors",
      message: /is a safetensors file/,
      fix: /the store's folder/,
    });
    await expect(readNpy(new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid"))).rejects.toThrow(
      /git-LFS/,
    );
    const newer = whole.slice();
    newer[6] = 4;
    await expect(readNpy(newer)).rejects.toThrow(/version 4.0/);
  });

  it.each([
    ["{'descr': '<f4', 'fortran_order': False}", /must have descr/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", /shape/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", /counted/],
    ["{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3), }", /fortran_order/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os'), }", /not a Python dict/],
    ["[1, 2]", /not a Python dict/],
    [`${"(".repeat(500)}`, /not a Python dict/],
  ])("refuses the header %s", async (header, message) => {
    const bytes = new Uint8Array(10 + header.length + 24);
    bytes.set(goldenBytes("npy/float32.npy").subarray(0, 8));
    new DataView(bytes.buffer).setUint16(8, header.length, true);
    bytes.set(new TextEncoder().encode(header), 10);
    await expect(readNpy(bytes)).rejects.toThrow(message);
  });

  it("takes headers of Python 2 and single values in parentheses", async () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (6L,)}";
    const bytes = new Uint8Array(10 + header.length + 24);
    bytes.set(goldenBytes("npy/float32.npy").subarray(0, 8));
    new DataView(bytes.buffer).setUint16(8, header.length, true);
    bytes.set(new TextEncoder().encode(header), 10);
    expect((await readNpy(bytes)).shape).toEqual([6]);
  });

  it("answers damaged bytes with a RevqError or with an array, never otherwise", async () => {
    const seeds = ["float32", "fortran", "version-3", "scalar", "records"].map((name) =>
      goldenBytes(`npy/${name}.npy`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(140), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(300),
        async (seed, changes, length) => {
          const bytes = seed.slice(0, Math.max(1, length));
          for (const [place, value] of changes) if (place < bytes.length) bytes[place] = value;
          try {
            await readNpy(bytes);
          } catch (error) {
            expect(isRevqError(error), String(error)).toBe(true);
          }
        },
      ),
      { numRuns: mutations },
    );
  });
});

describe("writeNpy", () => {
  it.each(npyDTypes)("writes the bytes of numpy.save for %s", async (dtype) => {
    const { shape, data } = await readNpy(goldenBytes(`npy/${dtype}.npy`));
    expect(writeNpy({ shape, data, dtype })).toEqual(goldenBytes(`npy/${dtype}.npy`));
  });

  it.each(["scalar", "vector", "empty", "version-1"])("writes the bytes of numpy.save: %s", async (name) => {
    const file = name === "version-1" ? "float32" : name;
    const { shape, data } = await readNpy(goldenBytes(`npy/${file}.npy`));
    expect(writeNpy({ shape, data })).toEqual(goldenBytes(`npy/${file}.npy`));
  });

  it("rounds a Float32Array to float16 and keeps raw bits", async () => {
    const data = Float32Array.of(1 / 3, -2, 70000);
    const rounded = writeNpy({ shape: [3], data, dtype: "float16" });
    expect(writeNpy({ shape: [3], data: float32ToFloat16(data), dtype: "float16" })).toEqual(rounded);
    expect([...(await readNpyFloat32(rounded)).data]).toEqual([0.333251953125, -2, Infinity]);
  });

  it("refuses a wrong size and a lossy conversion", () => {
    expect(() => writeNpy({ shape: [2, 2], data: new Float32Array(3) })).toThrow(/\[2,2\].*3 elements/);
    expect(() => writeNpy({ shape: [3], data: new Float32Array(3), dtype: "int32" })).toThrow(
      /Float32Array.*int32|I32/,
    );
  });

  it("round-trips any shape and dtype", async () => {
    const arrays: readonly [NpyDType, (n: number) => TensorData][] = [
      ["float32", (n) => new Float32Array(n).map((_, i) => i / 7)],
      ["int64", (n) => new BigInt64Array(n).map((_, i) => BigInt(-i) * 2n ** 40n)],
      ["uint8", (n) => new Uint8Array(n).map((_, i) => i)],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(6), { maxLength: 5 }),
        fc.constantFrom(...arrays),
        async (shape, [dtype, make]) => {
          const data = make(shape.reduce((product, size) => product * size, 1));
          const file = writeNpy({ shape, data, dtype });
          expect(await readNpy(file)).toEqual({ shape, dtype, data });
          expect((file.length - data.byteLength) % 64).toBe(0);
        },
      ),
    );
  });
});

describe("openNpy", () => {
  it("reads rows of any float dtype", async () => {
    for (const name of ["float32", "float16", "float64", "float32-big-endian"]) {
      const file = await openNpy(await fromFile(golden(`npy/${name}.npy`)));
      expect([file.rows, file.rowLength]).toEqual([2, 3]);
      expect([...(await file.readRows(1, 1))]).toEqual([0, 0.5, 1]);
      expect(await file.readRows(2, 0)).toHaveLength(0);
      await expect(file.readRows(1, 2)).rejects.toThrow(/has 2 rows; 1 to 3/);
      await expect(file.readRows(-1, 1)).rejects.toThrow(/rows/);
    }
  });

  it("refuses Fortran order and what is truncated, at once", async () => {
    await expect(openNpy(fromBuffer("f.npy", goldenBytes("npy/fortran.npy")))).rejects.toThrow(/Fortran order/);
    await expect(openNpy(fromBuffer("f.npy", goldenBytes("npy/vector.npy").subarray(0, 150)))).rejects.toThrow(
      /150 bytes of 156/,
    );
  });

  it("gives rows that the caller may write to", async () => {
    const bytes = goldenBytes("npy/float32.npy");
    const file = await openNpy(fromBuffer("f.npy", bytes));
    (await file.readRows(0, 2)).fill(9);
    ((await readNpy(bytes)).data as Float32Array).fill(9);
    expect([...(await file.readRows(0, 1))]).toEqual([-1.5, -1, -0.5]);
  });

  it.skipIf(!hasShared)("reads the shared latents by rows as it does whole (needs ../shared/data)", async () => {
    for (const name of ["val.npy", "train.f16.npy"]) {
      const file = await openNpy(await fromFile(`${shared}/data/latents/${name}`));
      expect(file.shape.slice(1)).toEqual([32, 8, 8]);
      const rows = await file.readRows(file.rows - 3, 3);
      const whole = await readNpyFloat32(await fromFile(`${shared}/data/latents/${name}`));
      expect(rows).toEqual(whole.data.slice(-3 * 2048));
      expect(rows.every(Number.isFinite)).toBe(true);
    }
  });
});

it("reads a Buffer whose data lie at any address, and shares nothing with it", async () => {
  const file = writeNpy({ shape: [4], data: Float32Array.of(1, 2, 3, 4) });
  for (let shift = 0; shift < 4; shift++) {
    const buffer = Buffer.concat([Buffer.alloc(shift), file]).subarray(shift);
    const array = await readNpyFloat32(buffer);
    expect(Array.from(array.data)).toEqual([1, 2, 3, 4]);
  }
});
