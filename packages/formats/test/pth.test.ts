import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRevqError } from "@revq/core";
import {
  fromBuffer,
  openPth,
  openSafetensors,
  OpaqueValue,
  PickleGlobal,
  PickleMap,
  TensorReference,
  type PickleValue,
} from "../src/index.js";
import { fromFile } from "../src/node/index.js";
import { golden, goldenBytes, hasShared, mutations, shared } from "./fixtures.js";

const open = (name: string) => openPth(fromBuffer(name, goldenBytes(`pth/${name}`)));
const at = (value: PickleValue, ...path: PickleValue[]): PickleValue | undefined =>
  path.reduce<PickleValue | undefined>((map, key) => (map instanceof PickleMap ? map.get(key) : undefined), value);

describe.each(["checkpoint.pth", "checkpoint-protocol-4.pth"])("openPth of %s", (file) => {
  it("names tensors by the way to them, state dicts and lists alike", async () => {
    const { tensors } = await open(file);
    expect([...tensors.keys()].filter((name) => !name.startsWith("dtypes.") && !name.startsWith("views."))).toEqual([
      "model.0.weight",
      "model.0.bias",
      "model.1.weight",
      "model.1.bias",
      "model.1.running_mean",
      "model.1.running_var",
      "model.1.num_batches_tracked",
      "parameter",
      "list.0",
      "list.1.0",
      "list.1.1.deep",
    ]);
    expect(tensors.get("model.0.weight")).toMatchObject({ dtype: "F32", shape: [3, 2] });
  });

  it.each([
    ["float64", "F64"],
    ["float32", "F32"],
    ["float16", "F16"],
    ["bfloat16", "BF16"],
    ["int64", "I64"],
    ["int32", "I32"],
    ["int16", "I16"],
    ["int8", "I8"],
    ["uint8", "U8"],
    ["bool", "BOOL"],
  ])("reads %s", async (name, dtype) => {
    const checkpoint = await open(file);
    expect(checkpoint.tensors.get(`dtypes.${name}`)).toMatchObject({ dtype, shape: [2, 3] });
    const { shape, data } = await checkpoint.readFloat32(`dtypes.${name}`);
    expect(shape).toEqual([2, 3]);
    expect([...data]).toEqual(name === "bool" ? [0, 1, 0, 1, 0, 1] : [0, 1, 2, 3, 4, 5]);
  });

  it("reads views of a shared storage in row-major order", async () => {
    const checkpoint = await open(file);
    const base = (i: number, j: number, k: number) => i * 12 + j * 4 + k - 3;
    const views: [string, number[], number[]][] = [
      ["base", [2, 3, 4], Array.from({ length: 24 }, (_, i) => i - 3)],
      ["row", [3, 4], Array.from({ length: 12 }, (_, i) => i + 9)],
      ["column", [2, 4], [0, 1].flatMap((i) => [0, 1, 2, 3].map((k) => base(i, 1, k)))],
      [
        "transposed",
        [4, 2, 3],
        [0, 1, 2, 3].flatMap((k) => [0, 1].flatMap((i) => [0, 1, 2].map((j) => base(i, j, k)))),
      ],
      ["stepped", [2, 2, 2], [0, 1].flatMap((i) => [0, 2].flatMap((j) => [1, 3].map((k) => base(i, j, k))))],
      ["scalar", [], [base(1, 2, 3)]],
      ["empty", [2, 0, 4], []],
    ];
    for (const [name, shape, values] of views) {
      const tensor = await checkpoint.readFloat32(`views.${name}`);
      expect(tensor.shape, name).toEqual(shape);
      expect([...tensor.data], name).toEqual(values);
    }
    expect([...(await checkpoint.readFloat32("parameter")).data]).toEqual([1.5, -2.5]);
    expect([...(await checkpoint.readFloat32("list.1.1.deep")).data]).toEqual([7]);
  });

  it("keeps the plain values", async () => {
    const { value } = await open(file);
    const plain = Object.fromEntries(at(value, "plain") as PickleMap);
    expect(plain).toMatchObject({
      epoch: 3,
      negative: -70000,
      big: 2 ** 40,
      huge: -(2n ** 80n),
      rate: 0.1,
      name: "é 漢 𝄞",
    });
    expect(plain).toMatchObject({ flag: true, none: null, size: [2, 3], 5: "number key", long: "x".repeat(300) });
    expect(plain["dtype"]).toEqual(new PickleGlobal("torch.float16"));
    expect(at(value, "parameter")).toBeInstanceOf(TensorReference);
  });

  it("names the nearest tensor when one is missing", async () => {
    await expect((await open(file)).read("model.0.weights")).rejects.toMatchObject({
      code: "pth-unknown-tensor",
      fix: expect.stringContaining('"model.0.weight"'),
    });
  });
});

describe("openPth", () => {
  it("reads a bare tensor, an untyped storage and ZIP64 records", async () => {
    expect([...(await (await open("bare-tensor.pth")).readFloat32("tensor")).data]).toEqual([0, 1, 2]);
    const untyped = await open("zip64-untyped.pth");
    expect(untyped.tensors.get("tensor")).toMatchObject({ dtype: "U16", shape: [2] });
    expect((await untyped.read("tensor")).data).toEqual(Uint16Array.of(2, 65535));
  });

  it.each(["lightning.ckpt", "lightning-protocol-4.ckpt"])(
    "reads the tensors of %s beside objects of other packages",
    async (file) => {
      const checkpoint = await open(file);
      expect([...checkpoint.tensors.keys()]).toEqual(["state_dict.decoder.weight", "state_dict.decoder.bias"]);
      expect([...(await checkpoint.readFloat32("state_dict.decoder.weight")).data]).toEqual([1, -2]);
      expect([...(await checkpoint.readFloat32("state_dict.decoder.bias")).data]).toEqual([0.5]);
      expect(at(checkpoint.value, "hyper_parameters")).toEqual(
        new OpaqueValue("pytorch_lightning.utilities.parsing.AttributeDict"),
      );
      expect(at(checkpoint.value, "replay")).toEqual(new OpaqueValue("my_project.Buffer"));
      expect(at(checkpoint.value, "epoch")).toBe(1);
    },
  );

  it.each([
    ["attack-system.pth", "posix.system"],
    ["attack-system-stack-global.pth", "posix.system"],
    ["attack-os-name.pth", "os.system"],
    ["attack-eval.pth", "__builtin__.eval"],
    ["namespace.pth", "argparse.Namespace"],
    ["counter.pth", "collections.Counter"],
  ])("refuses %s by name and runs nothing", async (file, name) => {
    await expect(open(file)).rejects.toMatchObject({
      name: "RevqError",
      code: "pth-forbidden-global",
      message: expect.stringContaining(`"${name}"`),
      fix: expect.stringContaining("save_file"),
    });
    expect(existsSync("/tmp/owned")).toBe(false);
  });

  it("leaves an expanded view out, and reads a defaultdict as a dict", async () => {
    const file = await open("expanded.pth");
    expect([...file.tensors.keys()]).toEqual(["state.weight", "mask.0"]);
    expect([...(await file.readFloat32("state.weight")).data]).toEqual([1, 2, 3]);
  });

  it.each([
    ["attack-call-storage.pth", "pth-malformed", /FloatStorage cannot be called/],
    ["bomb.pth", "pth-malformed", /expand/],
    ["endless.pth", "pth-malformed", /nested endlessly/],
    ["legacy.pth", "pth-legacy", /before 1\.6/],
    ["torchscript.pth", "pth-torchscript", /TorchScript/],
  ])("refuses %s", async (file, code, message) => {
    const error = await open(file).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "RevqError", code, fix: expect.any(String) });
    expect((error as Error).message).toMatch(message);
  });

  it("says what a wrong or truncated file is", async () => {
    const openBytes = (bytes: Uint8Array) => openPth(fromBuffer("x.pth", bytes));
    const whole = goldenBytes("pth/checkpoint.pth");
    await expect(openBytes(whole.subarray(0, 3000))).rejects.toMatchObject({ code: "pth-zip", message: /truncated/ });
    await expect(openBytes(new Uint8Array(0))).rejects.toMatchObject({ code: "pth-not-a-checkpoint" });
    await expect(openBytes(goldenBytes("safetensors/all-dtypes.safetensors"))).rejects.toMatchObject({
      code: "pth-not-a-checkpoint",
    });
    const pointer = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
    await expect(openBytes(pointer)).rejects.toMatchObject({ code: "git-lfs-pointer" });
  });

  it("answers damaged bytes with a RevqError or a checkpoint it can read, never otherwise", async () => {
    const seeds = ["checkpoint.pth", "checkpoint-protocol-4.pth", "zip64-untyped.pth", "lightning.ckpt"].map((name) =>
      goldenBytes(`pth/${name}`),
    );
    const change = fc.tuple(fc.nat(), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(change, { maxLength: 6 }),
        fc.boolean(),
        async (seed, changes, early) => {
          const bytes = seed.slice();
          // Early: in the pickle, which begins the archive; else anywhere, the directory included.
          for (const [place, value] of changes)
            bytes[place % (early ? Math.min(3000, bytes.length) : bytes.length)] = value;
          try {
            const file = await openPth(fromBuffer("x.pth", bytes));
            for (const name of file.tensors.keys()) await file.readFloat32(name);
          } catch (error) {
            expect(isRevqError(error), String((error as Error).stack)).toBe(true);
          }
        },
      ),
      { numRuns: mutations },
    );
  });

  it.skipIf(!hasShared)(
    "gives the parameters of the authors' style of checkpoint (needs ../shared/fixtures)",
    async () => {
      const checkpoint = await openPth(await fromFile(`${shared}/fixtures/official_style_ckpt_T256_K32.pth`));
      const step = await openSafetensors(await fromFile(`${shared}/fixtures/train_step_T256_K32.safetensors`));
      const roots: Record<string, string> = { "p2.q": "quantizer", "p2.d": "decoder" };
      let compared = 0;
      for (const name of step.tensors.keys()) {
        const root = roots[name.slice(0, 4)];
        if (root === undefined) continue;
        const expected = await step.readFloat32(name);
        const got = await checkpoint.readFloat32(`${root}.${name.slice(5)}`);
        expect(got.shape, name).toEqual(expected.shape);
        expect(got.data, name).toEqual(expected.data);
        compared++;
      }
      expect(compared).toBeGreaterThan(20);
      expect(at(checkpoint.value, "epoch")).toBe(0);
      expect(at(checkpoint.value, "scheduler", "base_lrs")).toEqual([0.01, 0.0005]);
    },
  );

  it("opens a file on disk", async () => {
    expect((await openPth(await fromFile(golden("pth/checkpoint.pth")))).tensors.size).toBe(28);
  });
});
