/** Latents in files of several formats, alone and together. Checkpoints have the layout of torch.save. */
import { openLatents } from "@revq/data";
import { writeNpy, writeSafetensors } from "@revq/formats";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const fixtures = join(import.meta.dirname, "fixtures/latents");
const shape = { channels: 2, height: 3, width: 2 };
/** Two latents `[c, h, w]` as they lie on disk; value = 100 n + 10 c + 2 y + x. */
const onDisk = Float32Array.from({ length: 24 }, (_, i) => {
  const [n, c, position] = [Math.floor(i / 12), Math.floor((i % 12) / 6), i % 6];
  return 100 * n! + 10 * c! + position!;
});
/** The same as `[h, w, c]`. */
const inMemory = Float32Array.from({ length: 24 }, (_, i) => {
  const [n, position, c] = [Math.floor(i / 12), Math.floor((i % 12) / 2), i % 2];
  return 100 * n! + 10 * c! + position!;
});
let folder = "";
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-open-latents-"));
  const tensor = { shape: [2, 2, 3, 2], data: onDisk };
  await writeFile(path("a-0.npy"), writeNpy(tensor));
  await writeFile(path("a-1.npy"), writeNpy(tensor));
  const label = { name: "labels", shape: [2], data: Int32Array.of(0, 1) };
  for (const dtype of ["F32", "F16", "BF16", "F64"] as const) {
    await writeFile(path(`${dtype}.safetensors`), writeSafetensors([{ name: "any", ...tensor, dtype }, label]));
  }
  const two = ["cond", "latents"].map((name) => ({ name, ...tensor }));
  await writeFile(path("two.safetensors"), writeSafetensors(two));
  await writeFile(
    path("unclear.safetensors"),
    writeSafetensors([
      { name: "b", ...tensor },
      { name: "c", ...tensor },
    ]),
  );
  await writeFile(
    path("int.safetensors"),
    writeSafetensors([{ name: "z", shape: [1, 1, 1, 2], data: Int32Array.of(1, 2) }]),
  );
  await writeFile(path("other.npy"), writeNpy({ shape: [2, 3, 2, 2], data: onDisk }));
  await mkdir(path("empty"));
});
afterAll(() => rm(folder, { recursive: true }));

it("names a dtype that is not computed in", async () => {
  for (const [dtype, bytes] of [
    ["F8_E4M3", 4],
    ["F4", 2],
    ["C64", 32],
  ] as const) {
    const entry = JSON.stringify({ latents: { dtype, shape: [1, 1, 2, 2], data_offsets: [0, bytes] } });
    const header = new TextEncoder().encode(entry.padEnd(96));
    await writeFile(
      path("odd.safetensors"),
      Buffer.concat([Buffer.of(96, 0, 0, 0, 0, 0, 0, 0), header, new Uint8Array(bytes)]),
    );
    await expect(openLatents(path("odd.safetensors"))).rejects.toMatchObject({
      code: "latents-dtype",
      message: expect.stringContaining(`holds ${dtype}; F16, BF16, F32 and F64 are read.`),
    });
  }
});

it.each(["F32.safetensors", "F16.safetensors", "BF16.safetensors", "F64.safetensors", "two.safetensors", "a-0.npy"])(
  "reads %s, into memory and by rows",
  async (name) => {
    for (const memoryLimit of [1e9, 0]) {
      const latents = await openLatents(path(name), { memoryLimit });
      expect([latents.shape, latents.count]).toEqual([shape, 2]);
      expect(await latents.read([1, 0])).toEqual(Float32Array.of(...inMemory.slice(12), ...inMemory.slice(0, 12)));
    }
  },
);

it.each(["tensor.pt", "dict.pt"])("reads %s of torch.save", async (name) => {
  for (const memoryLimit of [1e9, 0]) {
    const latents = await openLatents(join(fixtures, name), { memoryLimit });
    expect(await latents.read([0, 1])).toEqual(inMemory);
  }
});

it("joins several sources in their order: lists, braces, patterns", async () => {
  for (const spec of [[path("a-0.npy"), path("F16.safetensors")], path("a-{0..1}.npy"), path("a-*.npy")]) {
    const latents = await openLatents(spec);
    expect(latents.count).toBe(4);
    const row = (i: number): Float32Array => inMemory.slice(12 * i, 12 * (i + 1));
    expect(await latents.read([3, 0, 2])).toEqual(Float32Array.of(...row(1), ...row(0), ...row(0)));
    await expect(latents.read([4])).rejects.toThrow("There is no latent 4");
  }
});

it.each([
  [["a-0.npy", "other.npy"], "latents-shape", /other\.npy has latents \[3,2,2\].*a-0\.npy has \[2,3,2\]/],
  ["unclear.safetensors", "latents-shape", /2 tensors of four axes \(b, c\)/],
  ["int.safetensors", "latents-dtype", /holds I32/],
  ["none-*.npy", "data-no-match", /No file matches/],
  ["empty", "not-a-store", /a folder, but not a store/],
  ["missing.npy", "file-not-found", /missing\.npy/],
])("refuses %s", async (spec, code, message) => {
  const opened = openLatents(typeof spec === "string" ? path(spec) : spec.map(path));
  await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
