/**
 * `revq tokenize` as a user starts it: three processes, one killed, give the bytes of one; every format comes back; and,
 * with REVQ_TEST_FULL, Python's libraries read every format (in the Python that REVQ_TEST_PYTHON names, else in a virtual
 * environment of its own).
 */
import { openSynthetic, writePng } from "@revq/data";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

const run = promisify(execFile);
const folder = await temporaryFolder();
const cwd = folder.path;
const at = (...names: string[]): string => join(cwd, ...names);
const isFull = process.env["REVQ_TEST_FULL"] !== undefined;
const count = 1000;
/** The tests of @revq/dataset have the others, too. */
const formats = isFull ? ["webdataset", "parquet", "npy", "jsonl", "bin", "llamagen"] : ["webdataset", "llamagen"];

interface Tokenized {
  readonly samples: number | null;
  readonly made: number;
  readonly kept: number;
  readonly images: number;
  readonly found: number;
  readonly passedOver: number;
  readonly skipped: readonly { readonly name: string }[];
  readonly classes: readonly string[] | null;
}

interface Encoded {
  readonly images: readonly { readonly name: string; readonly ids: readonly number[] }[];
}

/** 32 x 32 pixels in two class folders; one has a caption, one is broken, and a file is no image. */
beforeAll(async () => {
  for (const name of ["a", "b"]) await mkdir(at("photos", name), { recursive: true });
  let i = 0;
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size: 32, count }).batches(1)) {
    await writePng(at("photos", i % 3 ? "b" : "a", `${String(i).padStart(4, "0")}.png`), {
      width: 32,
      height: 32,
      pixels,
    });
    i++;
  }
  await writeFile(at("photos/a/0000.txt"), "leaves\n");
  await writeFile(at("photos/a/broken.png"), readFileSync(at("photos/a/0000.png")).subarray(0, 200));
  const model = ["--tokens", "16", "--codes", "16", "--quantizer", "vq", "--set", "quantizer.split=patch"];
  const quick = ["--transform", "none", "--rectifier", "identity", "--set", "data.limit=60", "--backbone", "linear"];
  await revqJson(["train", "--data", "photos", "--image-size", "32", ...model, ...quick, "-o", "tokenizer"], { cwd });
  await revqJson(["encode", "tokenizer", "photos", "-o", "ids.json"], { cwd });
}, 120_000);
afterAll(() => folder.remove());

const args = (out: string, ...more: string[]): string[] => [
  "tokenize",
  "photos",
  ...["--tokenizer", "tokenizer", "-o", out, "--images-per-shard", "10"],
  ...more,
];
const tokenize = (out: string, ...more: string[]): Promise<Tokenized> => revqJson(args(out, ...more), { cwd });

function filesOf(path: string): Map<string, Buffer> {
  const all = readdirSync(at(path), { recursive: true, encoding: "utf8" }).sort();
  const names = all.filter((name) => !name.endsWith(".tmp")); // of the killed process
  return new Map(
    names.filter((name) => statSync(at(path, name)).isFile()).map((name) => [name, readFileSync(at(path, name))]),
  );
}

const encoded = (): Encoded => JSON.parse(readFileSync(at("ids.json"), "utf8")) as Encoded;

describe("revq tokenize", () => {
  it("gives the bytes of one process, if three share the work and one is killed", async () => {
    const whole = await tokenize("whole");
    expect(whole).toMatchObject({
      samples: count,
      images: count,
      found: count + 2,
      passedOver: 1,
      classes: ["a", "b"],
    });
    expect(whole.skipped.map(({ name }) => name)).toEqual(["a/broken.png"]);

    const batch = (index: number) => ({
      cwd,
      environment: { AWS_BATCH_JOB_ARRAY_INDEX: String(index), AWS_BATCH_JOB_ARRAY_SIZE: "3" },
    });
    const begun = (): boolean => readdirSync(cwd).includes("parts") && shards().length > 0;
    const shards = (): string[] => readdirSync(at("parts")).filter((name) => name.endsWith(".tar"));
    const killed = revq(args("parts"), { ...batch(1), interruptWhen: begun, signal: "SIGKILL" });
    const [{ code }, first] = await Promise.all([killed, revqJson<Tokenized>(args("parts"), batch(0))]);
    expect(code).not.toBe(0);
    expect(first.samples).toBeNull();
    await revqJson(args("parts"), batch(2));
    const resumed = await revqJson<Tokenized>(args("parts", "--resume"), batch(1));
    expect(resumed.samples).toBe(count);
    expect(filesOf("parts")).toEqual(filesOf("whole"));
    expect(await revqJson(["merge", "parts"], { cwd })).toMatchObject({ samples: count, skipped: 1, verified: true });
  }, 600_000);

  it("writes every format, and decode takes all of them back", async () => {
    const images = encoded().images.slice(0, 2);
    await revqJson(["decode", "tokenizer", "ids.json", "-o", "from-ids"], { cwd });
    const picture = (path: string, name: string): Buffer => readFileSync(at(path, `${name.replace(/\.png$/, "")}.png`));
    for (const format of formats) {
      if (format !== "webdataset") await tokenize(format, "--format", format);
      const out = `from-${format}`;
      const input = format === "webdataset" ? "whole" : format;
      await revqJson(["decode", "tokenizer", input, "-o", out, "--limit", "2"], { cwd });
      for (const [i, { name }] of images.entries()) {
        const found = format === "llamagen" ? `0000${i}` : name;
        expect(picture(out, found), `${format} ${name}`).toEqual(picture("from-ids", name));
      }
    }
  }, 300_000);

  it("decodes what a model made: files without a record, and others beside vocabulary.json", async () => {
    const [first] = encoded().images;
    await mkdir(at("sampled"));
    await writeFile(at("sampled/0.jsonl"), `{"tokens":[${first!.ids.join()}]}\n`);
    await writeFile(at("sampled.bin"), Uint16Array.from(first!.ids));
    await rm(at("from-model"), { recursive: true, force: true });
    for (const input of ["sampled", "sampled.bin"]) {
      await revqJson(["decode", "tokenizer", input, "-o", "from-model", "--overwrite"], { cwd });
      expect(readFileSync(at("from-model/00000.png"))).toEqual(readFileSync(at("from-ids", first!.name)));
    }
    await tokenize("reserved", "--format", "npy", "--reserve", "bos", "--limit", "4");
    await copyFile(at("sampled/0.jsonl"), at("reserved/sampled.jsonl"));
    const special = readFileSync(at("reserved/sampled.jsonl"), "utf8").replace(/\d+/, "16");
    await writeFile(at("reserved/special.jsonl"), special);
    await revqJson(["decode", "tokenizer", "reserved/sampled.jsonl", "-o", "from-model", "--overwrite"], { cwd });
    const { stderr } = await revq(["decode", "tokenizer", "reserved/special.jsonl", "-o", "refused"], { cwd });
    expect(stderr).toContain('id 16 is reserved for "bos"');
  }, 120_000);

  it("takes a store of latents, with the names and labels of its images", async () => {
    const backbone = ["--backbone", "linear", "--image-size", "32"];
    await revqJson(["extract", ...backbone, "--data", "photos", "-o", "store"], { cwd });
    const of = ["tokenize", "store", "--tokenizer", "tokenizer", "-o", "of-latents", "--format", "jsonl"];
    const { samples, classes } = await revqJson<Tokenized>(of, { cwd });
    expect({ samples, classes }).toEqual({ samples: count, classes: ["a", "b"] });
    const [line] = readFileSync(at("of-latents/tokens.jsonl"), "utf8").split("\n");
    const { key, class_id, tokens } = JSON.parse(line!) as { key: string; class_id: number; tokens: number[] };
    expect({ key, class_id, tokens: tokens.length }).toEqual({ key: "a/0000.png", class_id: 0, tokens: 16 });
  }, 120_000);

  it("--dry-run says what it will be, and writes nothing", async () => {
    const report = await revqJson<{ images: number; samples: number; bytes: number; seconds: number; shards: number }>(
      args("dry", "--dry-run", "--augment", "ten-crop", "--format", "bin"),
      { cwd },
    );
    expect(report).toMatchObject({ images: count + 1, samples: 10 * (count + 1), shards: Math.ceil((count + 1) / 10) });
    expect(report.bytes).toBeGreaterThan(10 * count * 16 * 2);
    expect(report.seconds).toBeGreaterThan(0);
    expect(existsSync(at("dry"))).toBe(false);
  }, 60_000);

  it("refuses a folder of something else, another job, and a resume of nothing", async () => {
    const error = async (...given: string[]): Promise<string> => (await revq(given, { cwd })).stderr;
    expect(await error(...args("photos"))).toContain("photos is not empty");
    expect(await error(...args("whole", "--augment", "flip"))).toContain('augment was "none", is "flip"');
    expect(await error(...args("nothing", "--resume"))).toContain("No data set was begun in nothing");
    expect(await error(...args("no-labels", "--format", "llamagen", "--labels", "none"))).toContain(
      "it has a label for every image",
    );
  }, 60_000);
});

describe.skipIf(!isFull)("in Python (needs REVQ_TEST_FULL)", () => {
  it("datasets, webdataset, numpy and json read what was encoded", async () => {
    const python = process.env["REVQ_TEST_PYTHON"] ?? (await makeEnvironment(at("venv")));
    const check = async (samples: readonly object[], folders: readonly string[]): Promise<unknown[]> => {
      await writeFile(at("expected.json"), JSON.stringify(samples));
      const script = resolve("tools/dataset/check.py");
      const { stdout } = await run(python, [script, "expected.json", ...folders], { cwd, maxBuffer: 2 ** 26 });
      process.stdout.write(stdout); // for the record
      return stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    };
    const sampleOf = (name: string, ids: readonly number[], crop: number | null): object => ({
      key: name,
      crop,
      ids,
      label: Number(name.startsWith("b/")),
      caption: name === "a/0000.png" ? "leaves" : null,
    });
    const plain = encoded().images.map(({ name, ids }) => sampleOf(name, ids, null));
    const folders = formats.map((format) => (format === "webdataset" ? "whole" : format));
    expect(await check(plain, folders)).toEqual(
      formats.map((format, i) => ({ folder: folders[i], format, samples: count })),
    );

    const flipped = formats.map((format) => `flip-${format}`);
    for (const format of formats) await tokenize(`flip-${format}`, "--format", format, "--augment", "flip");
    const lines = readFileSync(at("flip-jsonl/tokens.jsonl"), "utf8").trim().split("\n");
    const both = lines.map((line) => JSON.parse(line) as { key: string; crop: number; tokens: number[] });
    const crops = both.map(({ key, crop, tokens }) => sampleOf(key, tokens, crop));
    expect(await check(crops, flipped)).toHaveLength(formats.length);
    // The first of each pair is the image itself.
    expect(both.filter(({ crop }) => crop === 0).map(({ tokens }) => tokens)).toEqual(
      encoded().images.map(({ ids }) => ids),
    );
  }, 900_000);
});

async function makeEnvironment(path: string): Promise<string> {
  await run("python3", ["-m", "venv", path]);
  const python = join(path, "bin", "python");
  await run(python, ["-m", "pip", "install", "--quiet", "numpy", "datasets", "webdataset"], { maxBuffer: 2 ** 26 });
  return python;
}
