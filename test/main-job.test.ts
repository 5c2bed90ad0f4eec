/** The main job as a user does it: images in, a tokenizer out, ids and images through it. */
import type { TokenizerMetrics, TrainResult } from "@revq/train";
import { openSafetensors, readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { openLatentStore, toChannelLast } from "@revq/data";
import { psnr } from "@revq/metrics";
import type { TokenRecord } from "@revq/tokenizer";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, sampleImages, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
const inFolder = { cwd };
const small = [
  "--image-size",
  "64",
  "--backbone",
  "linear",
  "--tokens",
  "64",
  "--codes",
  "16",
  "--set",
  "rectifier.channels=16",
  "--set",
  "rectifier.headDim=8",
  "--set",
  "rectifier.layers=1",
];
const brief = [...small, "--epochs", "2"];
/** Two runs with an open number of picture steps take as many as the clock allows, so the number is named. */
const long = ["--epochs", "12", "--batch", "4", "--picture-steps", "12"];
let result: TrainResult;

async function isSameModel(...runs: [string, string]): Promise<boolean> {
  const [a, b] = await Promise.all(runs.map((run) => readFile(join(cwd, run, "model.safetensors"))));
  return a!.equals(b!); // `toEqual` of files that differ takes minutes
}

beforeAll(async () => {
  await mkdir(join(cwd, "photos"));
  for (const name of (await readdir(sampleImages)).slice(0, 24))
    await cp(join(sampleImages, name), join(cwd, "photos", name));
  result = await revqJson<TrainResult>(
    ["train", "--data", "photos", "--seed", "3", ...brief, "-o", "tokenizer"],
    inFolder,
  );
}, 240_000);

afterAll(() => folder.remove());

describe("revq train", () => {
  it("returns what it promises in JSON", () => {
    expect(result).toMatchObject({
      tokenizer: join(cwd, "tokenizer"),
      latentShape: [8, 8, 8],
      tokens: 64,
      codes: 16,
      bitsPerImage: 256,
    });
    expect(result.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(result.latentMse.rectified).toBeLessThan(1.05 * result.latentMse.quantized); // LPIPS decides what is kept
    expect(result.psnr!).toBeGreaterThan(10);
    expect(result.vae!.psnr).toBeGreaterThan(result.psnr!);
    expect(result.lpips!, "with the bundled weights").toBeGreaterThan(result.vae!.lpips!);
    expect(result.usage).toBeGreaterThan(0.5);
    expect(result.choice, "picture steps follow").toMatchObject({ select: "psnr", scoredOn: 2 });
    const chosen = result.choice!.candidates.filter((each) => each.chosen);
    expect(chosen).toHaveLength(1);
    const tolerance = 10 * Math.log10(1.01);
    for (const { psnr } of result.choice!.candidates)
      expect(chosen[0]!.psnr!).toBeGreaterThan(psnr! - tolerance - 1e-9);
    expect(result.channelShares!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(Object.keys(result.seconds)).toEqual(["extract", "fitCodebooks", "trainRectifier", "trainPictures"]);
  });

  it("writes a tokenizer folder with the run's files under run/", async () => {
    expect((await readdir(join(cwd, "tokenizer"))).sort()).toEqual([
      "README.md",
      "config.json",
      "model.safetensors",
      "run",
    ]);
    const run = await readdir(join(cwd, "tokenizer", "run"));
    expect(run).toEqual(
      expect.arrayContaining(["samples.png", "metrics.jsonl", "config.yaml", "checkpoints", "latents", "report"]),
    );
    const page = await readFile(join(cwd, "tokenizer", "run", "report", "index.html"), "utf8");
    expect(page).toContain("Where the error is");
    expect(page).toContain("Chosen by PSNR");
    expect(await readFile(join(cwd, "tokenizer", "README.md"), "utf8")).toContain("Chosen by PSNR");
    expect(page).toContain("data:image/webp;base64,");
    const [events] = await readdir(join(cwd, "tokenizer", "run", "tensorboard"));
    expect(events).toMatch(/tfevents/);
    const { width, height } = await sharp(join(cwd, "tokenizer", "run", "samples.png")).metadata();
    expect(width).toBeGreaterThan(4 * 64);
    expect(height).toBeGreaterThan(2 * 64);
    const lines = (await readFile(join(cwd, "tokenizer", "run", "metrics.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object).at(-1)).toHaveProperty("result.latentMse");
  });

  it("keeps a fitted backbone inside the tokenizer", async () => {
    const file = await openSafetensors(await fromFile(join(cwd, "tokenizer", "model.safetensors")));
    const prefixes = new Set([...file.tensors.keys()].map((name) => name.split(".")[0]));
    expect([...prefixes].sort()).toEqual([
      ...["backbone", "metric", "quantizer", "rectifier", "standardizer", "transform"],
    ]);
  });

  it("gives the same weights again from the run's own configuration, which names the steps that fitted", async () => {
    await revqJson(["train", "--config", join("tokenizer", "run", "config.yaml"), "-o", "again"], inFolder);
    expect(await readFile(join(cwd, "again", "model.safetensors"))).toEqual(
      await readFile(join(cwd, "tokenizer", "model.safetensors")),
    );
  }, 240_000);

  it("stops on Ctrl-C with exit code 130 and resumes to the weights of a run that was not stopped", async () => {
    const args = ["train", "--data", "photos", "--seed", "3", ...small, ...long];
    await revqJson<TrainResult>([...args, "-o", "whole"], inFolder);
    const checkpoints = join(cwd, "stopped", "run", "checkpoints");
    const stopped = await revq([...args, "-o", "stopped"], { cwd, interruptWhen: () => existsSync(checkpoints) });
    expect(stopped.code).toBe(130);
    const resumed = await revqJson<TrainResult>([...args, "-o", "stopped", "--resume"], inFolder);
    expect(resumed.epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(await isSameModel("stopped", "whole")).toBe(true);
  }, 240_000);

  it("survives being killed, while it encodes and while it trains, to the same weights", async () => {
    const args = ["train", "--data", "photos", "--seed", "3", ...small, ...long, "-o", "killed"];
    const resuming = [...args, "--set", "train.checkpointSteps=2", "--resume"];
    const made =
      (...name: string[]): (() => boolean) =>
      () =>
        existsSync(join(cwd, "killed", "run", ...name));
    // The order in which these appear; each start goes on until the next one is there.
    for (const file of [
      made("latents", "train", "plan.json"),
      made("latents", "val", "manifest.json"),
      made("checkpoints"),
    ]) {
      await revq(resuming, { cwd, interruptWhen: file, signal: "SIGKILL" });
    }
    await revqJson<TrainResult>(resuming, inFolder);
    expect(await isSameModel("killed", "whole")).toBe(true);
  }, 240_000);

  it("chooses by LPIPS where no picture steps follow", async () => {
    const codesAlone = [...small.slice(0, 8), "--rectifier", "identity", "--adapt-decoder", "none"];
    const args = ["train", "--data", "photos", ...codesAlone];
    const { choice } = await revqJson<TrainResult>([...args, "-o", "of-codes-alone"], inFolder);
    const chosen = choice!.candidates.find((each) => each.chosen)!;
    expect(choice!.select).toBe("lpips");
    for (const { lpips } of choice!.candidates) expect(chosen.lpips!).toBeLessThanOrEqual(1.01 * lpips!);
  }, 120_000);

  it("prints a plan and stops with --dry-run", async () => {
    const plan = await revqJson<Record<string, unknown>>(
      ["train", "--data", "photos", "--bits", "512", "--dry-run"],
      inFolder,
    );
    expect(plan).toMatchObject({ dryRun: true, latentShape: [8, 32, 32], trainingSamples: 22 });
    expect(plan["bitsPerImage"] as number).toBeLessThanOrEqual(512);
    expect((plan["reasons"] as string[]).length).toBeGreaterThan(0);
    expect(plan["candidates"]).toContainEqual(expect.stringMatching(/^none/));
    expect((plan["candidates"] as string[])[0]).toMatch(/^dct-klt/);
  });
});

describe("revq encode and decode", () => {
  it("gives the same ids in every format, twice", async () => {
    for (const file of ["ids.npy", "ids.json", "ids.safetensors", "groups.npy", "positions.npy"]) {
      const flags = file.startsWith("ids") ? [] : [`--offset-${file.slice(0, -4)}`, "--reserve", "bos,classes:10"];
      await revqJson(["encode", "tokenizer", "photos", "-o", file, ...flags], inFolder);
    }
    const numpy = await readNpy(await fromFile(join(cwd, "ids.npy")));
    expect(numpy.shape).toEqual([24, 64]);
    const json = JSON.parse(await readFile(join(cwd, "ids.json"), "utf8")) as {
      images: { name: string; ids: number[] }[];
      vocabulary: { size: number; layout: TokenRecord };
    };
    expect(json.images.flatMap(({ ids }) => ids)).toEqual(Array.from(numpy.data as Int32Array));
    expect(json.vocabulary.size).toBe(16);
    const tensors = await openSafetensors(await fromFile(join(cwd, "ids.safetensors")));
    expect(Array.from((await tensors.read("ids")).data as Int32Array)).toEqual(Array.from(numpy.data as Int32Array));
    const config = JSON.parse(await readFile(join(cwd, "tokenizer", "config.json"), "utf8")) as {
      layout: TokenRecord;
      tokens: { vocabulary: number };
    };
    expect(json.vocabulary.layout).toEqual(config.layout);
    const { groupOf, codebookSizes } = config.layout;
    expect(codebookSizes).toEqual(codebookSizes.map(() => 16));
    expect(config.tokens.vocabulary).toBe(16 * codebookSizes.length);
    for (const [file, offset, size] of [
      ["groups.npy", (t: number) => groupOf[t]! * 16, 16 * codebookSizes.length],
      ["positions.npy", (t: number) => t * 16, 16 * 64],
    ] as const) {
      const flat = await readNpy(await fromFile(join(cwd, file)));
      expect(Array.from(flat.data as Int32Array)).toEqual(
        Array.from(numpy.data as Int32Array, (code, i) => code + offset(i % 64)),
      );
      const record = JSON.parse(await readFile(join(cwd, `${file}.vocabulary.json`), "utf8")) as object;
      const special = { bos: { first: size, count: 1 }, classes: { first: size + 1, count: 10 } };
      expect(record).toMatchObject({ codes: size, size: size + 11, special, layout: config.layout });
    }
  }, 120_000);

  it("decodes to images that are named as they came and look like them", async () => {
    await revqJson(["decode", "tokenizer", "ids.npy", "-o", "out"], inFolder);
    await revqJson(["decode", "tokenizer", "groups.npy", "-o", "out-groups"], inFolder);
    // Somebody else's file does not say what it holds.
    await cp(join(cwd, "positions.npy"), join(cwd, "bare.npy"));
    await cp(join(cwd, "positions.npy.names.json"), join(cwd, "bare.npy.names.json"));
    await revqJson(["decode", "tokenizer", "bare.npy", "--offset-positions", "-o", "out-positions"], inFolder);
    for (const flags of [[], ["--offset-groups"]]) {
      const { code, stderr } = await revq(["decode", "tokenizer", "bare.npy", ...flags, "-o", "refused"], inFolder);
      expect([code, stderr]).toEqual([1, expect.stringContaining("--offset-positions")]);
    }
    const names = (await readdir(join(cwd, "photos"))).map((name) => name.replace(/\.\w+$/, ".png"));
    expect((await readdir(join(cwd, "out"))).sort()).toEqual(names.sort());
    for (const name of names.slice(0, 3)) {
      const expected = await readFile(join(cwd, "out", name));
      expect(await readFile(join(cwd, "out-groups", name))).toEqual(expected);
      expect(await readFile(join(cwd, "out-positions", name))).toEqual(expected);
    }
    const pixels = async (path: string): Promise<Float32Array> =>
      Float32Array.from(await sharp(path).resize(64, 64).removeAlpha().raw().toBuffer(), (value) => value / 255);
    const original = await pixels(join(cwd, "photos", (await readdir(join(cwd, "photos"))).sort()[0]!));
    expect(psnr(original, await pixels(join(cwd, "out", names.sort()[0]!)))).toBeGreaterThan(12);
  }, 120_000);

  it("decodes what it wrote as JSON", async () => {
    await revqJson(["decode", "tokenizer", "ids.json", "-o", "out-json"], inFolder);
    const [name] = (await readdir(join(cwd, "out"))).sort();
    expect(await readFile(join(cwd, "out-json", name!))).toEqual(await readFile(join(cwd, "out", name!)));
  });

  it("encodes single files to the ids they have in the folder", async () => {
    const name = (await readdir(join(cwd, "photos"))).sort()[0]!;
    await revqJson(["encode", "tokenizer", join("photos", name), "-o", "one.npy"], inFolder);
    const one = await readNpy(await fromFile(join(cwd, "one.npy")));
    const all = await readNpy(await fromFile(join(cwd, "ids.npy")));
    expect(Array.from(one.data as Int32Array)).toEqual(Array.from((all.data as Int32Array).slice(0, 64)));
  });
});

describe("images of other sizes", () => {
  it("keep their size in tiles, whose grid is stored with the ids", async () => {
    await mkdir(join(cwd, "wide"));
    const source = join(cwd, "photos", (await readdir(join(cwd, "photos"))).sort()[0]!);
    await sharp(source)
      .resize(150, 90, { fit: "fill" })
      .png()
      .toFile(join(cwd, "wide", "a.png"));
    await sharp(source)
      .resize(40, 64, { fit: "fill" })
      .png()
      .toFile(join(cwd, "wide", "b.png"));
    for (const file of ["wide.npy", "wide.json", "wide.safetensors"]) {
      const report = await revqJson(["encode", "tokenizer", "wide", "-o", file, "--tile"], inFolder);
      expect(report).toMatchObject({ images: 2, tiles: 3 * 2 + 1, tokens: 64 });
      await revqJson(["decode", "tokenizer", file, "-o", `out-of-${file}-`], inFolder);
      expect(await readFile(join(cwd, `out-of-${file}-`, "a.png"))).toEqual(
        await readFile(join(cwd, "out-of-wide.npy-", "a.png")),
      );
    }
    expect((await readNpy(await fromFile(join(cwd, "wide.npy")))).shape).toEqual([7, 64]);
    const pixels = async (path: string): Promise<Float32Array> =>
      Float32Array.from(await sharp(path).removeAlpha().raw().toBuffer(), (value) => value / 255);
    const decoded = await pixels(join(cwd, "out-of-wide.npy-", "a.png"));
    expect(psnr(await pixels(join(cwd, "wide", "a.png")), decoded)).toBeGreaterThan(12);
    const { width, height } = await sharp(join(cwd, "out-of-wide.json-", "b.png")).metadata();
    expect([width, height]).toEqual([40, 64]);
  }, 120_000);
});

describe("revq eval", () => {
  it("scores images, the first N by name", async () => {
    const all = await revqJson<TokenizerMetrics>(["eval", "tokenizer", "--data", "photos"], inFolder);
    const without = ["eval", "tokenizer", "--data", "photos", "--limit", "5", "--lpips", "none"];
    const some = await revqJson<TokenizerMetrics>(without, inFolder);
    expect([all.images, some.images]).toEqual([24, 5]);
    expect(all.vae!.psnr).toBeGreaterThan(all.psnr!);
    expect(all.bitsPerImage).toBe(256);
    expect(all).toMatchObject({ rfid: null, inceptionScore: null });
    expect(all.lpips).toBeGreaterThan(all.vae!.lpips!);
    expect(some).toMatchObject({ lpips: null, vae: { lpips: null } });
  }, 120_000);

  it("writes a page, with images or without", async () => {
    const args = ["eval", "tokenizer", "--data", "photos", "--limit", "5", "--report"];
    await revqJson<TokenizerMetrics>([...args, "page"], inFolder);
    await revqJson<TokenizerMetrics>([...args, "plain", "--report-images", "none"], inFolder);
    const [page, plain] = await Promise.all(
      ["page", "plain"].map((folder) => readFile(join(cwd, folder, "index.html"), "utf8")),
    );
    // Of five images: four next to the median, the four worst, and the one that is none of the worst.
    expect(page!.match(/<img /g)).toHaveLength(5 * (4 + 4 + 1));
    expect(page).toContain("Typical: next to the median by LPIPS");
    expect(plain).not.toContain("<img");
    expect(plain).toContain("Codebooks: mse of the training latents");
  }, 120_000);

  it("scores latents of an image tokenizer without its backbone", async () => {
    const scored = await revqJson<TokenizerMetrics>(
      ["eval", "tokenizer", "--latents", "tokenizer/run/latents/val"],
      inFolder,
    );
    expect(scored).toMatchObject({ psnr: null, ssim: null, vae: null, images: 2 });
    expect(scored.latentMse.rectified).toBeCloseTo(result.latentMse.rectified, 4);
  });
});

describe("latents in place of images", () => {
  const latents = "tokenizer/run/latents/val";

  it("encode to the ids of their images, and decode to latents of the same shape", async () => {
    await revqJson(["encode", "tokenizer", "--latents", latents, "-o", "latent-ids.npy"], inFolder);
    await revqJson(["decode", "tokenizer", "latent-ids.npy", "-o", "decoded.npy"], inFolder);
    const ids = await readNpy(await fromFile(join(cwd, "latent-ids.npy")));
    expect(ids).toMatchObject({ shape: [2, 64], dtype: "int32" });
    const all = JSON.parse(await readFile(join(cwd, "ids.json"), "utf8")) as {
      images: { name: string; ids: number[] }[];
    };
    const store = await openLatentStore(join(cwd, latents));
    const names = (await Promise.all(store.manifest.files.map((_, shard) => store.namesOf(shard)))).flat();
    expect(Array.from(ids.data as Int32Array)).toEqual(
      names.flatMap((name) => all.images.find((image) => image.name === name)!.ids),
    );
    const decoded = await readNpy(await fromFile(join(cwd, "decoded.npy")));
    expect(decoded).toMatchObject({ shape: [2, 8, 8, 8], dtype: "float32" });
    const original = await store.read([0, 1]);
    const error = toChannelLast(decoded.data as Float32Array, 2, store.shape).map((v, i) => (v - original[i]!) ** 2);
    const spread = original.map((v) => v ** 2);
    const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
    expect(sum(error)).toBeLessThan(sum(spread));
  }, 120_000);
});

describe("a run that is stopped while it encodes", () => {
  it("keeps the finished shards, and goes on with them", async () => {
    const photos = join(cwd, "many");
    await mkdir(photos);
    for (const name of await readdir(sampleImages)) await cp(join(sampleImages, name), join(photos, name));
    const args = ["train", "--data", "many", ...brief, "--set", "train.encodeBatch=2", "-o", "extracting"];
    const store = join(cwd, "extracting", "run", "latents", "train");
    const shard = join(store, "latents-00001-of-00009.json");
    const stopped = await revq(args, { cwd, interruptWhen: () => existsSync(shard) });
    expect(stopped.code).toBe(130);
    expect(existsSync(join(store, "manifest.json"))).toBe(false);
    const before = (await stat(shard)).mtimeMs;
    const { code, stderr } = await revq([...args, "--resume"], inFolder);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/[2-8] of 9 shards existed already/);
    expect((await stat(shard)).mtimeMs).toBe(before);
    // One image more, and the latents are not those of the folder any more.
    await cp(join(sampleImages, "nagasaki-boats-01.jpg"), join(photos, "zz-new.jpg"));
    const changed = await revq([...args, "--resume"], inFolder);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toMatch(/were begun with other images/);
  }, 240_000);
});

describe("a store of latents", () => {
  const training = ["train", "--data", "store", "--seed", "3", ...small.slice(4), "--epochs", "2"];

  it("is extracted by several processes, joined by the last, and trained on with its backbone", async () => {
    const extract = [
      "extract",
      "--backbone",
      "linear",
      "--data",
      "photos",
      "--image-size",
      "64",
      "-o",
      "store",
      "--images-per-shard",
      "5",
    ];
    const first = await revqJson([...extract, "--shard", "1/2"], inFolder);
    expect(first).toMatchObject({ shards: 5, made: 2, latents: null });
    const environment = { RANK: "0", WORLD_SIZE: "2" };
    expect(await revqJson(extract, { cwd, environment })).toMatchObject({
      made: 3,
      latents: 24,
      latentShape: [8, 8, 8],
    });
    expect(await revqJson(["merge", "store"], inFolder)).toMatchObject({ latents: 24, verified: true });
    const trained = await revqJson<TrainResult>([...training, "-o", "of-store"], inFolder);
    expect(trained).toMatchObject({ psnr: null, tokens: 64 });
    expect(await revqJson(["eval", "of-store", "--data", "photos"], inFolder)).toMatchObject({ images: 24 });
  }, 240_000);

  it("gives the same weights when it is larger than the memory that it may take", async () => {
    await revqJson([...training, "-o", "of-store-by-row", "--memory", "1KB"], inFolder);
    expect(await readFile(join(cwd, "of-store-by-row", "model.safetensors"))).toEqual(
      await readFile(join(cwd, "of-store", "model.safetensors")),
    );
    expect(existsSync(join(cwd, "of-store-by-row", "run", "codes"))).toBe(false);
  }, 120_000);

  it("is refused with another backbone, and while a shard is missing", async () => {
    const other = await revq([...training, "--backbone", "tae", "-o", "wrong"], inFolder);
    expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/extracted with the backbone linear/)]);
    await rm(join(cwd, "store", "latents-00003-of-00005.json"));
    const missing = await revq(["merge", "store"], inFolder);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/1 of 5 shards are missing \(3\)/)]);
  }, 120_000);
});

describe("training on latents", () => {
  it("gives a tokenizer of latents", async () => {
    const trained = await revqJson<TrainResult>(
      [
        "train",
        "--latents",
        "tokenizer/run/latents/train",
        "--tokens",
        "64",
        "--codes",
        "8",
        "--rectifier",
        "identity",
        "-o",
        "of-latents",
      ],
      inFolder,
    );
    expect(trained).toMatchObject({ psnr: null, vae: null, latentShape: [8, 8, 8], epochs: [] });
    const scored = await revqJson<TokenizerMetrics>(
      ["eval", "of-latents", "--latents", "tokenizer/run/latents/val"],
      inFolder,
    );
    expect(scored.latentMse.quantized).toBe(scored.latentMse.rectified);
    await revqJson(["encode", "of-latents", "--latents", "tokenizer/run/latents/val", "-o", "few.json"], inFolder);
    await revqJson(["decode", "of-latents", "few.json", "-o", "few.npy"], inFolder);
    expect(await readNpy(await fromFile(join(cwd, "few.npy")))).toMatchObject({ shape: [2, 8, 8, 8] });
  }, 120_000);

  it("runs the paper's recipe with its epochs and resets", async () => {
    const trained = await revqJson<TrainResult>(
      [
        "train",
        "--latents",
        "tokenizer/run/latents/train",
        "--recipe",
        "paper",
        "--tokens",
        "64",
        "--codes",
        "8",
        "--epochs",
        "2",
        "--set",
        "rectifier.channels=16",
        "--set",
        "rectifier.headDim=8",
        "--set",
        "rectifier.layers=1",
        "-o",
        "paper",
      ],
      inFolder,
    );
    expect(trained.epochs).toHaveLength(2);
    expect(trained.epochs[1]!.latentMse.train.quantized).toBeGreaterThan(0);
  }, 120_000);
});
