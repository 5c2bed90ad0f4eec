/**
 * The whole job of who trains a generator: images in class folders, a tokenizer, tokens, a model of them, sampled ids,
 * pictures. The model is a bigram here. With REVQ_TEST_FULL: examples/pytorch-ar, docs/generate.md and docs/export.md as
 * written, in a virtual environment of its own, or in the Python that REVQ_TEST_PYTHON names.
 */
import { createRandom } from "@revq/core";
import { openSynthetic, writePng } from "@revq/data";
import { fromBuffer, readNpy, writeNpy } from "@revq/formats";
import { sampleImages as samples } from "@revq/sample-images";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { execFile, execFileSync } from "node:child_process";
import { copyFile, cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeBlocks, commandsOf } from "./support/markdown.js";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";

const run = promisify(execFile);
const folder = await temporaryFolder();
const cwd = folder.path;
const at = (...names: string[]): string => join(cwd, ...names);
afterAll(() => folder.remove());

const classes = ["bright", "dark"];
const imagesOfClass = 40;
const [tokens, codes] = [16, 32];

interface Sample {
  readonly key: string;
  readonly ids: readonly number[];
  readonly label: number;
}

describe("from class folders to sampled pictures", () => {
  beforeAll(async () => {
    for (const name of classes) await mkdir(at("photos", name), { recursive: true });
    const source = openSynthetic("synthetic:dead-leaves", { size: 32, count: 2 * imagesOfClass });
    let i = 0;
    for await (const { pixels } of source.batches(1)) {
      const name = classes[i % 2]!;
      // Values are in [-1, 1]: a class has one half of them.
      const shifted = pixels.map((value) => value / 2 + (name === "bright" ? 0.5 : -0.5));
      await writePng(at("photos", name, `${i++}.png`), { width: 32, height: 32, pixels: shifted });
    }
    const size = ["--image-size", "32", "--tokens", `${tokens}`, "--codes", `${codes}`];
    const quick = ["--backbone", "linear", "--rectifier", "identity", "--lpips", "none", "--adapt-decoder", "none"];
    await revqJson(["train", "--preset", "ar", "--data", "photos", ...size, ...quick, "-o", "tokenizer"], { cwd });
    for (const format of ["parquet", "webdataset"]) {
      const how = ["--format", format, "--labels", "folder", "--reserve", "classes:2", "-o", format];
      await revqJson(["tokenize", "photos", "--tokenizer", "tokenizer", ...how], { cwd });
    }
  }, 120_000);

  it("a bigram of the tokens makes pictures of the right size and of the right class", async () => {
    const data = await readParquet();
    expect(data.length).toBe(2 * imagesOfClass);
    const sampled = sampleBigram(data, 4);
    const perClass = sampled.length / tokens / classes.length;
    await writeFile(at("sampled.npy"), writeNpy({ shape: [classes.length * perClass, tokens], data: sampled }));
    await copyFile(at("parquet/vocabulary.json"), at("sampled.npy.vocabulary.json"));
    const names = classes.flatMap((name) => Array.from({ length: perClass }, (_, i) => `${name}/${i}`));
    await writeFile(at("sampled.npy.names.json"), JSON.stringify(names));
    await revqJson(["decode", "tokenizer", "sampled.npy", "-o", "pictures"], { cwd });

    for (const name of classes) {
      const files = await readdir(at("pictures", name));
      expect(files.sort()).toEqual(["0.png", "1.png", "2.png", "3.png"]);
      for (const file of files) {
        const picture = sharp(at("pictures", name, file));
        const { width, height } = await picture.metadata();
        expect([width, height]).toEqual([32, 32]);
        const { channels } = await picture.stats();
        for (const { mean } of channels) expect(mean > 127.5, `${name} ${mean}`).toBe(name === "bright");
      }
    }
  }, 60_000);

  it("Parquet and WebDataset hold the same ids", async () => {
    const files = (await readdir(at("webdataset"))).filter((name) => name.endsWith(".tar")).sort();
    await mkdir(at("members"));
    for (const file of files) execFileSync("tar", ["-xf", at("webdataset", file), "-C", at("members")]);
    const expected = new Map((await readParquet()).map((sample) => [sample.key, sample]));
    const keys = (await readdir(at("members"))).filter((name) => name.endsWith(".cls"));
    expect(keys.length).toBe(expected.size);
    for (const name of keys) {
      const member = at("members", name.replace(/\.cls$/, ""));
      const { key } = JSON.parse(await readFile(`${member}.json`, "utf8")) as { key: string };
      const { data } = await readNpy(fromBuffer(member, await readFile(`${member}.ids.npy`)));
      expect([...(data as Uint16Array)], key).toEqual(expected.get(key)!.ids);
      expect(await readFile(`${member}.cls`, "utf8"), key).toBe(`${expected.get(key)!.label}`);
    }
  }, 60_000);

  async function readParquet(): Promise<Sample[]> {
    const names = (await readdir(at("parquet"))).filter((name) => name.endsWith(".parquet")).sort();
    const shards = names.map(async (name) => {
      const { buffer, byteOffset, byteLength } = await readFile(at("parquet", name));
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      return await parquetReadObjects({ file, compressors });
    });
    const rows = (await Promise.all(shards)).flat() as { key: string; ids: number[]; label: bigint }[];
    return rows.map(({ key, ids, label }) => ({ key, ids: [...ids], label: Number(label) }));
  }
});

/** Images of every class, one after the other, by how often an id follows another in that class. Begins with the class. */
function sampleBigram(data: readonly Sample[], perClass: number): Int32Array {
  const random = createRandom(1);
  const after = new Map<string, number[]>();
  const add = (label: number, before: number, id: number): void => {
    const key = `${label} ${before}`;
    after.set(key, [...(after.get(key) ?? []), id]);
  };
  for (const { ids, label } of data) ids.forEach((id, t) => add(label, ids[t - 1] ?? codes + label, id));
  const images = classes.flatMap((_, label) =>
    Array.from({ length: perClass }, () => {
      const ids: number[] = [];
      for (let t = 0; t < tokens; t++) {
        // An id that ended every image that it is in has no successor.
        const next = after.get(`${label} ${ids.at(-1) ?? codes + label}`) ?? data[0]!.ids;
        ids.push(next[Math.floor(random.uniform() * next.length)]!);
      }
      return ids;
    }),
  );
  return Int32Array.from(images.flat());
}

const isFull = process.env["REVQ_TEST_FULL"] !== undefined;

describe.skipIf(!isFull)("as documented, with Python (needs REVQ_TEST_FULL)", { timeout: 1_200_000 }, () => {
  const given = process.env["REVQ_TEST_PYTHON"];
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    if (given === undefined) await run("python3", ["-m", "venv", at("venv")]);
    const bin = given === undefined ? at("venv", "bin") : dirname(resolve(given));
    const path = `${bin}${delimiter}${process.env["PATH"]}`;
    // Threads of torch wait for each other where cores are busy.
    env = { ...process.env, PATH: path, HF_HOME: at("hf"), OMP_NUM_THREADS: "1" };
  }, 300_000);

  /** Runs the commands of a document, but installs only Python packages, and those only where they lack. What they said. */
  async function follow(document: string, path: string): Promise<string> {
    const said: string[] = [];
    for (const block of codeBlocks(document)) {
      if (block.title) await writeFile(join(path, block.title), block.code);
      if (block.language !== "sh") continue;
      for (const command of commandsOf(block)) {
        if (command.startsWith("npm ") || (given !== undefined && command.startsWith("pip "))) continue;
        const { stdout } = await run("bash", ["-c", command], { cwd: path, env, maxBuffer: 2 ** 26 });
        said.push(stdout);
        if (command.startsWith("python ")) process.stdout.write(stdout); // for the record
      }
    }
    return said.join("");
  }

  async function project(name: string): Promise<string> {
    await mkdir(at(name), { recursive: true });
    await symlink(resolve("node_modules"), at(name, "node_modules"));
    return at(name);
  }

  function expectBelowUnigram(said: string): void {
    const [, bits, unigram, nominal] = said.match(/held-out bits a token: (\S+) \(unigram: (\S+), nominal: (\S+)\)/)!;
    expect(Number(bits)).toBeLessThan(Number(unigram));
    expect(Number(unigram)).toBeLessThan(Number(nominal));
  }

  async function expectPictures(path: string, count: number): Promise<void> {
    const files = (await readdir(path, { recursive: true })).filter((name) => name.endsWith(".png"));
    expect(files.length).toBe(count);
    for (const file of files) {
      const { width, height } = await sharp(join(path, file)).metadata();
      expect([width, height]).toEqual([64, 64]);
    }
  }

  it("examples/pytorch-ar", async () => {
    const path = await project("pytorch-ar");
    await cp(resolve("examples/pytorch-ar"), path, { recursive: true });
    expectBelowUnigram(await follow("examples/pytorch-ar/README.md", path));
    await expectPictures(join(path, "pictures"), 64);
    expect((await readdir(join(path, "pictures", "sunset"))).sort()).toEqual(["0.png", "1.png", "2.png", "3.png"]);
  });

  it("docs/generate.md", async () => {
    const path = await project("generate");
    for (const { name, url, photograph } of samples) {
      await mkdir(join(path, "photos", photograph), { recursive: true });
      await cp(url, join(path, "photos", photograph, name));
    }
    const said = await follow("docs/generate.md", path);
    expectBelowUnigram(said);
    expect(said).toContain(`${2 * samples.length} samples of 64 tokens, 16 classes`);
    await expectPictures(join(path, "pictures"), 64);
  });

  it("docs/export.md: PyTorch, ONNX Runtime and tfjs give the ids of revq", async () => {
    const path = await project("export");
    const [photo] = (await readdir(sampleImages)).sort();
    await cp(join(sampleImages, photo!), join(path, "photo.jpg"));
    await cp(new URL("../packages/tokenizer-tiny/tokenizer", import.meta.url), join(path, "my-tokenizer"), {
      recursive: true,
    });
    await follow("docs/export.md", path);
    await revqJson(["encode", "my-tokenizer", "photo.jpg", "-o", "ids.json"], { cwd: path });
    const { images } = JSON.parse(await readFile(join(path, "ids.json"), "utf8")) as { images: { ids: number[] }[] };
    const programs = [
      { program: "python", file: "run_pytorch.py", print: "print(ids[0].tolist())" },
      { program: "python", file: "run_onnx.py", print: "print(ids[0].tolist())" },
      { program: process.execPath, file: "run_tfjs.mjs", print: "console.log(JSON.stringify([...ids]))" },
    ];
    for (const { program, file, print } of programs) {
      await writeFile(join(path, file), `${await readFile(join(path, file), "utf8")}\n${print}\n`);
      const { stdout } = await run(program, [file], { cwd: path, env, maxBuffer: 2 ** 26 });
      const ids = JSON.parse(stdout.trim().split("\n").at(-1)!) as number[];
      const equal = ids.filter((id, t) => id === images[0]!.ids[t]).length;
      expect(equal / images[0]!.ids.length, file).toBeGreaterThan(0.998); // near ties of codes
    }
    expect(await sharp(join(path, "from-pytorch.png")).metadata()).toMatchObject({ width: 256, height: 256 });
  });
});
