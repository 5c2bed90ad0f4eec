/** Images of the kinds that users report: all are found, or it is said why not. */
import { createRandom } from "@revq/core";
import { openImages, type IndexedImageSource } from "@revq/data";
import { writeNpy, writeSafetensors } from "@revq/formats";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
const side = 24;

beforeAll(async () => {
  await cp(fileURLToPath(new URL("fixtures/cases", import.meta.url)), cwd, { recursive: true });
  for (const letter of ["b", "c"]) {
    await rename(join(cwd, "odd-names", `a_${letter}.tar`), join(cwd, "odd-names", `a?${letter}.tar`));
  }
});
afterAll(() => folder.remove());

/** Reads all images and checks that every sample is accounted for. */
async function read(spec: string | readonly string[]): Promise<{ used: string[]; source: IndexedImageSource }> {
  const inFolder = (one: string): string => join(cwd, one);
  const source = await openImages(typeof spec === "string" ? inFolder(spec) : spec.map(inFolder), { size: side });
  const used: string[] = [];
  for await (const { names } of source.batches(4)) used.push(...names);
  expect(new Set(source.names).size).toBe(source.count);
  expect(used.length + source.skipped.length + source.passedOver).toBe(source.found);
  return { used, source };
}

/** What is right, from the reports. */
const cases: {
  spec: string | string[];
  used: string[];
  skipped?: (string | RegExp)[];
  passed?: number;
  note?: RegExp;
}[] = [
  { spec: "same-name", used: shards("part-0/00000.tar", "part-1/00000.tar") },
  { spec: "same-name/part-{0..1}/00000.tar", used: shards("part-0/00000.tar", "part-1/00000.tar") },
  { spec: "same-name/part-*/00000.tar", used: shards("part-0/00000.tar", "part-1/00000.tar") },
  { spec: ["same-name/part-0/00000.tar", "same-name/part-1"], used: shards("00000.tar", "part-1/00000.tar") },
  {
    spec: "duplicate-member.tar",
    used: ["duplicate-member.tar/a.png", "duplicate-member.tar/b.png"],
    skipped: [/same name/],
    note: /1 name occurs again/,
  },
  { spec: "hard-link.tar", used: ["hard-link.tar/a.png", "hard-link.tar/b.png"] },
  { spec: "concatenated.tar", used: ["concatenated.tar/a.png", "concatenated.tar/b.png"], note: /several archives/ },
  { spec: "no-end-mark.tar", used: ["no-end-mark.tar/a.png", "no-end-mark.tar/b.png"], note: /without an end mark/ },
  { spec: "binary-attribute.tar", used: ["binary-attribute.tar/a.png", "binary-attribute.tar/b.png"] },
  { spec: "odd-names", used: ["100%.tar/100.png", "a?b.tar/aqb.png", "a?c.tar/aqc.png"] },
  { spec: "odd-names/a?b.tar", used: ["a?b.tar/aqb.png"] },
  { spec: "odd-names/100%.tar", used: ["100%.tar/100.png"] },
  {
    spec: "img2dataset",
    used: ["00000.tar/000000000.png", "00000.tar/000000001.png"],
    passed: 6,
    note: /00000\.parquet holds no images/,
  },
  { spec: "hf-dataset", used: [0, 1].flatMap((i) => rows(`data/train-0000${i}-of-00002.parquet`)), passed: 1 },
  ...["zstd", "gzip", "brotli", "lz4", "snappy", "none", "v2-zstd"].map((codec) => ({
    spec: `parquet-${codec}.parquet`,
    used: rows(`parquet-${codec}.parquet`),
  })),
  {
    spec: "parquet-path-and-null.parquet",
    used: ["parquet-path-and-null.parquet/00000001"],
    skipped: [/names the file a\.png, which is not beside/, "the row is null"],
  },
  {
    spec: "class-folders",
    used: [
      "n01440764/n01440764_0.PNG",
      "n01440764/n01440764_1.PNG",
      "n01443537/n01443537_0.PNG",
      "n01443537/n01443537_1.PNG",
    ],
  },
  { spec: "labelled.tar", used: ["labelled.tar/s0.png", "labelled.tar/s1.png", "labelled.tar/s2.png"], passed: 6 },
];

function shards(...archives: string[]): string[] {
  return archives.flatMap((archive) => [`${archive}/0000.png`, `${archive}/0001.png`]);
}

function rows(file: string): string[] {
  return [0, 1, 2].map((row) => `${file}/0000000${row}`);
}

describe("every image is used, or it is said why not", () => {
  it.each(cases)("$spec", async ({ spec, used, skipped = [], passed = 0, note }) => {
    const got = await read(spec);
    expect(got.used).toEqual(used);
    expect(got.source.skipped.map(({ reason }) => reason)).toEqual(
      skipped.map((reason) => (typeof reason === "string" ? reason : expect.stringMatching(reason))),
    );
    expect(got.source.passedOver).toBe(passed);
    expect(got.source.notes).toEqual(note ? [expect.stringMatching(note)] : []);
  });

  it("a compressed archive: says what it is and what to do", async () => {
    await expect(read("shard.tar.gz")).rejects.toMatchObject({
      code: "archive-packed",
      fix: expect.stringMatching(/^Unpack it/),
    });
    await mkdir(join(cwd, "beside"));
    await cp(join(cwd, "shard.tar.gz"), join(cwd, "beside", "shard.tar.gz"));
    await cp(join(cwd, "hard-link.tar"), join(cwd, "beside", "hard-link.tar"));
    const { used, source } = await read("beside");
    expect(used).toHaveLength(2);
    expect(source.skipped).toEqual([{ name: "shard.tar.gz", reason: "a compressed archive; unpack it first" }]);
  });
});

describe("revq extract", () => {
  const backbone = ["--backbone", "linear", "--image-size", "24", "--engine", "cpu"];

  it("counts what it found, in its last line and in --json", async () => {
    interface Extracted {
      readonly images: number;
      readonly found: number;
      readonly passedOver: number;
      readonly skipped: readonly { readonly reason: string }[];
    }
    const result = await revqJson<Extracted>(["extract", "--data", "parquet-*.parquet", ...backbone, "-o", "s1"], {
      cwd,
    });
    expect(result).toMatchObject({ images: 22, found: 24, passedOver: 0 });
    expect(result.skipped).toHaveLength(2);
    const { code, stdout, stderr } = await revq(["extract", "--data", "img2dataset", ...backbone, "-o", "s2"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/2 latents.*found 8, skipped 0, passed over 6/);
    expect(stderr).toMatch(/00000\.parquet holds no images/);
  });

  it("takes several sources, skips a broken one, and names it", async () => {
    await mkdir(join(cwd, "broken"));
    await writeFile(join(cwd, "broken", "1.tar"), Buffer.alloc(2048, "broken"));
    const data = ["--data", "broken/1.tar", "--data", "class-folders"];
    const refused = await revq(["extract", ...data, ...backbone, "-o", "s4"], { cwd });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/1\.tar/)]);
    expect(existsSync(join(cwd, "s4"))).toBe(false);
    const result = await revqJson(["extract", ...data, "--skip-broken", ...backbone, "-o", "s4"], { cwd });
    expect(result).toMatchObject({ images: 4, found: 5, skipped: [{ name: "1.tar" }], passedOver: 0 });
  });

  it("refuses in a moment what it cannot read", async () => {
    for (const [data, says] of [
      ["shard.tar.gz", /compressed archive.*Unpack/s],
      ["s3://bucket/{0..9}.tar", /s3: is not taken.*Name a folder/s],
    ] as const) {
      const { code, stderr } = await revq(["extract", "--data", data, ...backbone, "-o", "s3"], { cwd });
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });
});

describe("train, eval and encode", () => {
  const counts = { images: 8, found: 15, passedOver: 6, skipped: [{ reason: expect.stringMatching(/same name/) }] };
  const sources = ["img2dataset", "duplicate-member.tar", "class-folders"];
  const train = [
    "--backbone",
    "linear",
    "--image-size",
    "24",
    "--engine",
    "cpu",
    "--preset",
    "tiny",
    "--picture-steps",
    "0",
  ];

  it("count what every source holds; a list in the configuration is the same as repeated flags", async () => {
    const flags = sources.flatMap((source) => ["--data", source]);
    const trained = await revqJson(["train", ...flags, ...train, "--lpips", "none", "-o", "t1"], { cwd });
    expect(trained).toMatchObject(counts);
    await writeFile(join(cwd, "revq.yaml"), JSON.stringify({ data: { train: sources } }));
    const { stdout, stderr } = await revq(["train", "--config", "revq.yaml", ...train, "--lpips", "none", "-o", "t2"], {
      cwd,
    });
    expect(stdout, stderr).toMatch(/8 images; found 15, skipped 1, passed over 6/);
    const model = (run: string): Promise<Buffer> => readFile(join(cwd, run, "model.safetensors"));
    expect(await model("t2")).toEqual(await model("t1"));

    const evaluated = await revqJson(["eval", "t1", ...flags, "--lpips", "none", "--engine", "cpu"], { cwd });
    expect(evaluated).toMatchObject(counts);
    const encoded = await revqJson(["encode", "t1", ...sources, "-o", "ids.json", "--engine", "cpu"], { cwd });
    expect(encoded).toMatchObject(counts);
  });

  it("say so when nothing was skipped, too", async () => {
    const closing = /found 4, skipped 0, passed over 0/;
    const data = ["--data", "class-folders"];
    const engine = ["--engine", "cpu"];
    const vae = ["--backbone", "linear", "--image-size", "24"];
    const quick = ["--preset", "tiny", "--picture-steps", "0", "--lpips", "none"];
    const expectClosing = async (args: readonly string[]): Promise<void> => {
      const { stdout, stderr } = await revq([...args, ...engine], { cwd });
      expect(stdout, args.join(" ") + stderr).toMatch(closing);
    };
    await expectClosing(["train", ...data, ...vae, ...quick, "-o", "whole"]);
    const commands = [
      ["extract", ...data, ...vae, "-o", "whole-store"],
      ["eval", "whole", ...data, "--lpips", "none"],
      ["encode", "whole", "class-folders", "-o", "whole.npy"],
      ["tokenize", "class-folders", "--tokenizer", "whole", "-o", "whole-tokens"],
      ["backbone", "inspect", "embedded:tiny-sd-vae", ...data, "--image-size", "24"],
    ];
    await Promise.all(commands.map(expectClosing));
    const { vae: inspected } = await revqJson<{ vae: object }>(
      ["backbone", "inspect", "embedded:tiny-sd-vae", "--data", "img2dataset", "--image-size", "24", ...engine],
      { cwd },
    );
    expect(inspected).toMatchObject({ images: 2, found: 8, skipped: [], passedOver: 6 });
  });

  it("train on several files of latents; a store is no image", async () => {
    const random = createRandom(1);
    const latents = { shape: [8, 4, 4, 4], data: Float32Array.from({ length: 512 }, () => random.normal()) };
    await writeFile(join(cwd, "l0.npy"), writeNpy(latents));
    await writeFile(join(cwd, "l1.safetensors"), writeSafetensors([{ name: "latents", ...latents }]));
    const options = ["--engine", "cpu", "--preset", "tiny", "--picture-steps", "0"];
    const latentFlags = ["--latents", "l0.npy", "--latents", "l1.safetensors"];
    const onLatents = await revqJson(["train", ...latentFlags, ...options, "-o", "t3"], { cwd });
    expect(onLatents).toMatchObject({ images: 16, found: 16, skipped: [], passedOver: 0 });
    const { code, stderr } = await revq(["encode", "t1", "s1", "-o", "ids2.json", "--engine", "cpu"], { cwd });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/s1 is a store of latents.*--latents/s)]);
  });

  it("look at the data before the VAE, and leave no empty folder", async () => {
    const weights = ["--backbone", "sd-vae", "--weights", "missing-vae", "--engine", "cpu"];
    const extracted = await revq(["extract", "--data", "class-folders", ...weights, "-o", "never"], { cwd });
    expect([extracted.code, extracted.stderr]).toEqual([1, expect.stringMatching(/missing-vae/)]);
    expect(existsSync(join(cwd, "never"))).toBe(false);
    const { code, stderr } = await revq(["encode", "missing-tokenizer", "shard.tar.gz", "-o", "no.json"], { cwd });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/compressed archive/)]);
  });
});
