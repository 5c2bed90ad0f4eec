/** Jobs that several processes share: who does what, what is kept, what is refused. */
import { mkdtemp, readdir, rm, writeFile, readFile, copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  doPart,
  gatherParts,
  PartFiles,
  rangeOfPart,
  unitsOfPart,
  type Part,
  type PartFormat,
  type PartOutcome,
  type SharedJob,
} from "../src/index.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-parts-"));
});
afterEach(() => rm(folder, { recursive: true }));

interface Key {
  readonly data: string;
  readonly parts: number;
}
const format: PartFormat<Key, number> = {
  job: "evaluation",
  extension: "json",
  parts: (key) => key.parts,
  encode: (header, result) => JSON.stringify({ ...header, result }),
  async decodeHeader(path) {
    const { key, part } = JSON.parse(await readFile(path, "utf8")) as { key: Key; part: number };
    return { key, part };
  },
  decodeResult: async (path) => (JSON.parse(await readFile(path, "utf8")) as { result: number }).result,
};
const never = new AbortController().signal;

function jobOf(key: Key, where = folder): SharedJob<number, number> {
  const files = new PartFiles(where, format, key);
  return {
    units: key.parts,
    begin: async () => {},
    write: (unit, result) => files.write(unit, result),
    missing: () => files.missing(),
    join: async () => (await gatherParts([where], format)).results.reduce((sum, result) => sum + result, 0),
  };
}

const run = (part: Part, key: Key, worked: number[] = []): Promise<PartOutcome<number>> =>
  doPart(
    jobOf(key),
    part,
    async (unit) => {
      worked.push(unit);
      return 10 ** unit;
    },
    never,
  );

describe("units and ranges", () => {
  it("belong to one part each, and all to some", () => {
    const parts = [0, 1, 2].map((index) => ({ index, count: 3 }));
    expect(parts.map((part) => unitsOfPart(part, 7))).toEqual([
      [0, 3, 6],
      [1, 4],
      [2, 5],
    ]);
    expect(parts.map((part) => rangeOfPart(part, 10))).toEqual([
      [0, 3],
      [3, 6],
      [6, 10],
    ]);
    expect(rangeOfPart({ index: 4, count: 8 }, 3)).toEqual([1, 1]);
  });
});

describe("a job", () => {
  const key = { data: "a", parts: 3 };

  it("is joined by the last part to finish, whatever the order, and no part runs twice", async () => {
    const worked: number[] = [];
    expect(await run({ index: 2, count: 3 }, key, worked)).toEqual({ kept: 0, made: 1, joined: null });
    expect(await run({ index: 0, count: 3 }, key, worked)).toEqual({ kept: 0, made: 1, joined: null });
    expect(await run({ index: 1, count: 3 }, key, worked)).toEqual({ kept: 0, made: 1, joined: 111 });
    expect(await run({ index: 1, count: 3 }, key, worked)).toEqual({ kept: 1, made: 0, joined: 111 });
    expect(worked).toEqual([2, 0, 1]);
    expect((await readdir(folder)).sort()).toEqual([0, 1, 2].map((i) => `part-0000${i}-of-00003.json`));
  });

  it("keeps finished units of a part that was stopped", async () => {
    const results = new Map<number, number>();
    const job: SharedJob<number, number> = {
      units: 5,
      begin: async () => {},
      write: async (unit, result) => void results.set(unit, result),
      missing: async () => unitsOfPart({ index: 0, count: 1 }, 5).filter((unit) => !results.has(unit)),
      join: async () => results.size,
    };
    const stop = new AbortController();
    const work = async (unit: number): Promise<number> => {
      if (unit === 2) stop.abort(new Error("stopped"));
      return unit;
    };
    await expect(doPart(job, { index: 0, count: 1 }, work, stop.signal)).rejects.toThrow("stopped");
    expect([...results.keys()]).toEqual([0, 1, 2]);
    expect(await doPart(job, { index: 0, count: 1 }, work, never)).toEqual({ kept: 3, made: 2, joined: 5 });
  });

  it("refuses parts of another job, naming what differs, and damaged files", async () => {
    await run({ index: 0, count: 3 }, key);
    await expect(run({ index: 1, count: 3 }, { ...key, data: "b" })).rejects.toMatchObject({
      code: "evaluation-mixed",
      message: expect.stringContaining("is of another evaluation: data differ.") as string,
    });
    await writeFile(join(folder, "part-00001-of-00003.json"), "{");
    await expect(run({ index: 2, count: 3 }, key)).rejects.toMatchObject({ code: "evaluation-damaged" });
  });

  it("is gathered from folders without a common disk; missing and contradicting parts are named", async () => {
    const [left, right] = [join(folder, "left"), join(folder, "right")];
    await doPart(jobOf(key, left), { index: 0, count: 3 }, async () => 1, never);
    await doPart(jobOf(key, right), { index: 2, count: 3 }, async () => 100, never);
    await expect(gatherParts([left, right], format)).rejects.toMatchObject({
      code: "evaluation-unfinished",
      message: "1 of 3 parts of the evaluation are missing (1).",
      setting: { path: "shard", value: "1/3" },
    });
    await doPart(jobOf(key, right), { index: 1, count: 3 }, async () => 10, never);
    expect((await gatherParts([left, right], format)).results).toEqual([1, 10, 100]);
    const name = "part-00000-of-00003.json";
    await copyFile(join(left, name), join(right, name));
    expect((await gatherParts([left, right], format)).results).toEqual([1, 10, 100]);
    await new PartFiles(right, format, key).write(0, 2);
    await expect(gatherParts([left, right], format)).rejects.toThrow(/are the same part and differ/);
    await expect(gatherParts([join(folder, "empty")], format)).rejects.toMatchObject({ code: "not-an-evaluation" });
  });
});
