/** Files of ids: every format in every form, those of earlier versions, and those that do not say what they hold. */
import { codesToIds, isRevqError, type IdForm, type LatentShape, type RevqError, type TokenLayout } from "@revq/core";
import { readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { createVocabulary, jsonText, vocabularySchema, type ReservedIds, type Vocabulary } from "@revq/tokenizer";
import { mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flagOfSetting } from "../src/errors/flag-of-setting.js";
import { parseReserve } from "../src/ids/form-flags.js";
import type { IdsFile } from "../src/ids/ids-file.js";
import { readIds, requireIds } from "../src/ids/read-ids.js";
import { writeIds } from "../src/ids/write-ids.js";
import Decode from "../src/commands/decode.js";

/** Four tokens over two codebooks of 8 and 4 codes: groups start at 0, 8; positions at 0, 8, 12, 16. */
const layout: TokenLayout = { count: 4, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };
const codes = Int32Array.of(7, 3, 0, 1, 0, 0, 3, 7);
const written: Readonly<Record<IdForm, readonly number[]>> = {
  codes: [7, 3, 0, 1, 0, 0, 3, 7],
  groups: [7, 11, 8, 1, 0, 8, 11, 7],
  positions: [7, 11, 12, 17, 0, 8, 15, 23],
};
const names = ["a.jpg", "b.jpg"];
const formats = ["ids.npy", "ids.json", "ids.safetensors"];
const forms: readonly IdForm[] = ["codes", "groups", "positions"];

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-ids-"));
});
afterAll(() => rm(folder, { recursive: true }));

const latentShape: LatentShape = { channels: 1, height: 2, width: 2 };

function read(path: string, of: TokenLayout, asked: IdForm | null): Promise<IdsFile> {
  return readIds(path, { layout: of, latentShape }, asked);
}

function vocabularyOf(of: TokenLayout, form: IdForm, reserve: readonly ReservedIds[] = []): Vocabulary {
  const transform = { block: [2, 2], blocks: 1, decorrelated: false } as const;
  return createVocabulary({ layout: of, latentShape, transform, imageSize: null }, form, reserve);
}

async function write(name: string, form: IdForm, reserve: readonly ReservedIds[] = []): Promise<string> {
  await writeIds(at(name), { ids: codes, tokens: 4, names }, layout, vocabularyOf(layout, form, reserve));
  return at(name);
}

/** A `.npy` that says nothing about its ids. */
async function writeBare(name: string, ids: ArrayLike<number>, rows = 2): Promise<string> {
  await writeFile(at(name), writeNpy({ shape: [rows, ids.length / rows], data: Int32Array.from(ids) }));
  return at(name);
}

async function refusal(path: string, asked: IdForm | null = null, of = layout): Promise<RevqError> {
  const error: unknown = await read(path, of, asked).then(
    () => expect.unreachable(`${path} was read`),
    (reason: unknown) => reason,
  );
  if (!isRevqError(error)) throw error;
  return error;
}

describe.each(forms)("ids of the form %s", (form) => {
  it.each(formats)("come back from %s without being asked for", async (name) => {
    const path = await write(name, form);
    for (const asked of [null, form]) {
      const { ids, tokens, names: found } = await read(path, layout, asked);
      expect([[...ids], tokens, found]).toEqual([[...codes], 4, names]);
    }
  });

  it("are in the .npy, and FILE.vocabulary.json says so", async () => {
    const path = await write("ids.npy", form);
    expect(Array.from((await readNpy(await fromFile(path))).data as Int32Array)).toEqual(written[form]);
    const record = vocabularySchema.parse(JSON.parse(await readFile(`${path}.vocabulary.json`, "utf8")));
    expect([record.form, record.layout.groupOf, record.layout.codebookOffsets]).toEqual([form, [0, 1, 1, 0], [0, 8]]);
    // What a reader in another language does.
    expect(written[form].map((id, i) => id - record.offsets[i % 4]!)).toEqual([...codes]);
  });

  it("are refused when another form is asked for", async () => {
    for (const asked of forms.filter((other) => other !== form))
      for (const name of formats) {
        const error = await refusal(await write(name, form), asked);
        expect([error.code, error.message]).toEqual([
          "ids-form",
          expect.stringContaining(`form "${form}", not "${asked}"`),
        ]);
      }
  });

  it("in a .npy that does not say so are read as asked, and as nothing else", async () => {
    const path = await writeBare("bare.npy", written[form]);
    expect([...(await read(path, layout, form)).ids]).toEqual([...codes]);
    for (const asked of forms.filter((other) => other !== form)) {
      const error = await refusal(path, asked === "codes" ? null : asked);
      expect([error.code, error.setting]).toEqual(["code-out-of-range", { path: "ids.form", value: form }]);
    }
  });
});

describe("files of earlier versions", () => {
  it.each([
    { offsetGroups: true, ids: written.positions },
    { offsetGroups: false, ids: written.codes },
  ])("say what they are: offsetGroups $offsetGroups", async ({ offsetGroups, ids }) => {
    const images = names.map((name, i) => ({ name, ids: ids.slice(4 * i, 4 * i + 4) }));
    await writeFile(at("old.json"), JSON.stringify({ tokens: 4, vocabulary: 24, offsetGroups, images }));
    const tensor = { name: "ids", shape: [2, 4], data: Int32Array.from(ids) };
    const metadata = { names: JSON.stringify(names), vocabulary: "24", offsetGroups: String(offsetGroups) };
    await writeFile(at("old.safetensors"), writeSafetensors([tensor], metadata));
    for (const name of ["old.json", "old.safetensors"]) {
      expect([...(await read(at(name), layout, null)).ids]).toEqual([...codes]);
      expect((await refusal(at(name), "groups")).code).toBe("ids-form");
      const other: TokenLayout = { ...layout, codebookSizes: [8, 5] };
      expect(await refusal(at(name), null, other)).toMatchObject({
        code: "ids-vocabulary",
        message: expect.stringContaining("vocabulary of 24 ids, the tokenizer one of 26") as string,
      });
    }
  });

  it("a .npy with names alone is never read as group offsets where it fits positions", async () => {
    const odd: TokenLayout = { count: 2, codebookSizes: [1, 8, 2], groupOf: Int32Array.of(2, 1) };
    // By groups tokens have 9 … 10 and 1 … 8, by position 0 … 1 and 2 … 9.
    const positions = codesToIds(Int32Array.of(1, 6), odd, "positions");
    const path = await writeBare("former.npy", positions, 1);
    await writeFile(`${path}.names.json`, '["a.jpg"]');
    expect([...(await read(path, odd, "positions")).ids]).toEqual([1, 6]);
    const error = await refusal(path, "groups", odd);
    expect([error.code, error.setting]).toEqual(["ids-form", { path: "ids.form", value: "positions" }]);
    expect(flagOfSetting(error.setting!, Decode.flags)).toBe("--offset-positions");
  });

  it("where every token has a codebook, both offsets are the same", async () => {
    const own: TokenLayout = { count: 4, codebookSizes: [8, 8, 8, 8], groupOf: Int32Array.of(0, 1, 2, 3) };
    const path = await writeBare("own.npy", codesToIds(codes, own, "positions"));
    await writeFile(`${path}.names.json`, JSON.stringify(names));
    for (const asked of ["groups", "positions"] as const)
      expect([...(await read(path, own, asked)).ids]).toEqual([...codes]);
  });
});

describe("a file of ids is refused", () => {
  it("when it was made with another tokenizer", async () => {
    for (const name of formats) {
      const path = await write(name, "codes");
      const wider: TokenLayout = { ...layout, codebookSizes: [8, 16] };
      expect(await refusal(path, null, wider)).toMatchObject({
        code: "ids-vocabulary",
        message: expect.stringContaining("4 tokens over 2 codebooks of 12 codes in all, the tokenizer of") as string,
      });
      const moved: TokenLayout = { ...layout, groupOf: Int32Array.of(0, 1, 0, 1) };
      expect((await refusal(path, null, moved)).message).toContain("in other groups");
    }
  });

  it("when it holds a special id", async () => {
    const path = await write("special.npy", "groups", parseReserve("bos,classes:10"));
    const data = Int32Array.from(written.groups);
    data[5] = 14; // bos is 12, classes are 13 … 22
    await writeFile(path, writeNpy({ shape: [2, 4], data }));
    expect(await refusal(path)).toMatchObject({
      code: "special-id",
      message: expect.stringContaining('image 1, token 1: id 14 is reserved for "classes"') as string,
    });
  });

  it("when its record is damaged", async () => {
    const path = await write("damaged.npy", "groups");
    await writeFile(`${path}.vocabulary.json`, "{}");
    expect(await refusal(path)).toMatchObject({
      code: "ids-malformed",
      message: expect.stringContaining("damaged.npy.vocabulary.json") as string,
    });
    await writeFile(`${path}.vocabulary.json`, jsonText({ ...vocabularyOf(layout, "groups"), formatVersion: 2 }));
    expect((await refusal(path)).code).toBe("ids-malformed");
    await unlink(`${path}.vocabulary.json`);
    expect([...(await read(path, layout, "groups")).ids]).toEqual([...codes]);
  });
});

describe("--reserve", () => {
  it("takes names with counts", () => {
    expect(parseReserve("bos, eos,classes:1000")).toEqual([
      { name: "bos", count: 1 },
      { name: "eos", count: 1 },
      { name: "classes", count: 1000 },
    ]);
    expect(parseReserve(undefined)).toEqual([]);
  });

  it.each(["", "bos,", "bos:x", "a:1:2", "a b"])("refuses %j", (text) => {
    expect(() => parseReserve(text)).toThrow(expect.objectContaining({ code: "reserve" }) as Error);
  });
});

it("says what is wrong with ids of another program", async () => {
  await writeFile(at("list.json"), "[[1, 2, 3, 4]]");
  const list = await refusal(at("list.json"));
  expect(list.message).toMatch(/the file: expected a section with keys, got \[\[1,2,3,4\]\]/);
  expect(list.fix).toMatch(/write the ids of a model as \.npy or \.jsonl/);
  await writeFile(at("float.npy"), writeNpy({ shape: [1, 4], data: Float32Array.of(0, 1, 2, 3) }));
  expect((await refusal(at("float.npy"))).fix).toBe("Save them as integers, in Python: ids.astype('int32').");
});

it("knows before a tokenizer is loaded what ids cannot be read from", async () => {
  await requireIds(at("."));
  await writeFile(at("ids.pt"), "");
  await expect(requireIds(at("ids.pt"))).rejects.toThrow(/ends with "\.pt": ids are read from .*\.jsonl/);
  await expect(requireIds(at("none"))).rejects.toThrow(/none does not exist/);
});

it("refuses ids of latents of another shape, and files without ids", async () => {
  const path = await write("shape.npy", "codes");
  const wide = { channels: 1, height: 2, width: 4 };
  await expect(readIds(path, { layout, latentShape: wide }, null)).rejects.toThrow(
    /latents of 1 x 2 x 2, the tokenizer of 1 x 2 x 4/,
  );
  await writeFile(at("none.npy"), writeNpy({ shape: [0, 4], data: new Int32Array(0) }));
  await expect(read(at("none.npy"), layout, null)).rejects.toThrow(/ids of no image/);
});
