/** What a user gets who does something wrong: one message that says what was got, what was expected and what to do; no stack. */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { writeNpy, type NpyDType, type TensorData } from "@revq/formats";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasShared, revq, revqJson, sampleImages, shared, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
const tiny = ["--image-size", "32", "--tokens", "16", "--codes", "4", "--rectifier", "identity"];
const small = ["--backbone", "linear", ...tiny];

beforeAll(async () => {
  await mkdir(join(cwd, "photos", "n01"), { recursive: true });
  for (const name of (await readdir(sampleImages)).slice(0, 6))
    await cp(join(sampleImages, name), join(cwd, "photos", "n01", name));
  await mkdir(join(cwd, "empty"));
  await mkdir(join(cwd, "texts"));
  await writeFile(join(cwd, "texts", "notes.jpg"), "this is no picture");
  await revqJson(["train", "--data", "photos", ...small, "-o", "tokenizer"], { cwd });
  const ids = new Int32Array(16);
  const write = (name: string, data: TensorData, dtype?: NpyDType): Promise<void> =>
    writeFile(join(cwd, name), writeNpy({ shape: [1, 16], data, ...(dtype ? { dtype } : {}) }));
  await write("good.npy", ids);
  await write("half.npy", new Float32Array(16), "float16");
  await write("wide.npy", new BigInt64Array(16).fill(2n ** 32n + 1n));
  await write("large.npy", ids.slice().fill(77));
  await write("named.npy", ids);
  await writeFile(join(cwd, "named.npy.names.json"), '{"0": "a"}');
  const other = { tokens: 16, vocabulary: 99, offsetGroups: false, images: [{ name: "a", ids: Array.from(ids) }] };
  await writeFile(join(cwd, "other.json"), JSON.stringify(other));
}, 120_000);

afterAll(() => folder.remove());

const decode = (ids: string): string[] => ["decode", "tokenizer", ids, "-o", "out"];

async function refused(args: string[]): Promise<{ code: number | null; text: string }> {
  const { code, stdout, stderr } = await revq(args, { cwd });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe("");
  return { code, text: stderr.replaceAll(cwd, "<folder>") };
}

describe("a user's mistakes", () => {
  const cases: { what: string; args: string[]; code: number; says: RegExp }[] = [
    {
      what: "a missing folder",
      args: ["train", "--data", "nowhere"],
      code: 1,
      says: /nowhere cannot be opened: it does not exist/,
    },
    {
      what: "a folder behind a file",
      args: ["train", "--data", "good.npy/photos"],
      code: 1,
      says: /good\.npy\/photos cannot be opened: a part of its path is a file/,
    },
    { what: "a folder without images", args: ["train", "--data", "empty"], code: 1, says: /no readable image/ },
    { what: "a text file named .jpg", args: ["train", "--data", "texts"], code: 1, says: /notes\.jpg/ },
    {
      what: "tokens that do not divide the latent",
      args: ["train", "--data", "photos", "--tokens", "100", "-o", "t1"],
      code: 1,
      says: /100 tokens do not divide.*divisor/s,
    },
    {
      what: "an unknown quantizer",
      args: ["train", "--quantizer", "multigrup"],
      code: 1,
      says: /Did you mean multigroup/,
    },
    {
      what: "an unknown backbone",
      args: ["train", "--backbone", "cosmos"],
      code: 1,
      says: /There is no backbone "cosmos".*Install the package.*\(--plugin <name>\)/s,
    },
    {
      what: "an image size that the backbone cannot take",
      args: ["train", "--data", "photos", "--backbone", "linear", "--image-size", "60", "-o", "t0"],
      code: 1,
      says: /60 pixels.*multiple of 8.*\(--image-size 64\)/s,
    },
    { what: "an unknown flag", args: ["train", "--datas", "photos"], code: 2, says: /--datas.*Did you mean --data\?/ },
    {
      what: "an unknown command",
      args: ["trian", "--data", "x"],
      code: 2,
      says: /"trian"\. Did you mean revq train\?/,
    },
    { what: "help for one", args: ["trian", "--help"], code: 2, says: /"trian"\. Did you mean revq train\?/ },
    {
      what: "an unknown config key",
      args: ["train", "--set", "train.epoch=3"],
      code: 2,
      says: /train\.epoch.*did you mean epochs/s,
    },
    {
      what: "an unknown plugin option",
      args: ["train", "--data", "photos", "--set", "rectifier.chanels=3", "-o", "t2"],
      code: 2,
      says: /chanels.*did you mean channels/s,
    },
    { what: "a malformed --set", args: ["train", "--set", "epochs"], code: 2, says: /a\.b=c/ },
    {
      what: "a folder that is no tokenizer",
      args: ["eval", "photos", "--data", "photos"],
      code: 1,
      says: /not a tokenizer/,
    },
    { what: "nothing to evaluate on", args: ["eval", "tokenizer"], code: 2, says: /--data/ },
    {
      what: "an ids file of an unknown format",
      args: ["encode", "tokenizer", "photos", "-o", "ids.txt"],
      code: 2,
      says: /\.npy, \.json or \.safetensors/,
    },
    {
      what: "an output folder that is not empty",
      args: ["train", "--data", "photos", ...small, "-o", "tokenizer"],
      code: 1,
      says: /not empty.*Resume that run/s,
    },
    {
      what: "an output folder behind a file",
      args: ["train", "--data", "photos", ...small, "-o", "good.npy/tokenizer"],
      code: 1,
      says: /good\.npy is a file\)/,
    },
    {
      what: "an ids file behind a file",
      args: ["encode", "tokenizer", "photos", "-o", "good.npy/ids.npy"],
      code: 1,
      says: /good\.npy is a file\./,
    },
    {
      what: "images behind a file",
      args: ["decode", "tokenizer", "good.npy", "-o", "good.npy/images"],
      code: 1,
      says: /good\.npy is a file\./,
    },
    {
      what: "an ids file that exists",
      args: ["encode", "tokenizer", "photos", "-o", "good.npy"],
      code: 2,
      says: /good\.npy exists already\..*\(--overwrite\)/s,
    },
    {
      what: "latents that exist",
      args: ["decode", "tokenizer", "good.npy", "-o", "half.npy"],
      code: 2,
      says: /half\.npy exists already\..*\(--overwrite\)/s,
    },
    {
      what: "images into a folder that is not empty",
      args: ["decode", "tokenizer", "good.npy", "-o", "photos"],
      code: 2,
      says: /photos is not empty\..*\(--overwrite\)/s,
    },
    {
      what: "more codes than there are vectors",
      args: ["train", "--data", "photos", ...small.slice(0, -4), "--codes", "100000", "-o", "t9"],
      code: 1,
      says: /100000 codes.*training images.*support about \d+ codes.*\(--codes \d+\)/s,
    },
    {
      what: "a resume of another configuration",
      args: ["train", "--data", "photos", ...small, "--seed", "9", "-o", "tokenizer", "--resume"],
      code: 1,
      says: /other settings.*seed/s,
    },
    {
      what: "a tokenizer that is not there",
      args: ["encode", "nowhere", "photos", "-o", "ids.npy"],
      code: 1,
      says: /The tokenizer "nowhere" does not exist/,
    },
    {
      what: "an image that is not there",
      args: ["encode", "tokenizer", "gone.jpg", "-o", "ids.npy"],
      code: 1,
      says: /gone\.jpg/,
    },
    {
      what: "weights that are not there",
      args: ["train", "--backbone", "tae", "--weights", "nowhere", "--data", "photos", "-o", "t3"],
      code: 1,
      says: /nowhere/,
    },
    {
      what: "a backbone without its weights",
      args: ["train", "--backbone", "tae", "--data", "photos", "-o", "t4"],
      code: 1,
      says: /--weights/,
    },
  ];
  cases.push(
    {
      what: "a resume of a folder that no run made",
      args: ["train", "--data", "photos", ...small, "-o", "photos", "--resume"],
      code: 1,
      says: /no run to resume/,
    },
    {
      what: "a learning rate that is none",
      args: ["train", "--lr", "fast"],
      code: 2,
      says: /train\.learningRate \(from flags\)/,
    },
    {
      what: "a wrong plugin option in the config command",
      args: ["config", "--set", "quantizer.cods=3"],
      code: 2,
      says: /cods.*did you mean codes/s,
    },
    {
      what: "an output in a missing folder",
      args: ["encode", "tokenizer", "photos", "-o", "gone/ids.npy"],
      code: 1,
      says: /no folder/,
    },
    {
      what: "a page where a file lies, before anything is measured",
      args: ["eval", "tokenizer", "--data", "photos", "--report", "good.npy"],
      code: 1,
      says: /^Error: good\.npy cannot be written: a file has that name/,
    },
    {
      what: "a folder of parts in an evaluation without parts",
      args: ["eval", "tokenizer", "--data", "photos", "-o", "scores"],
      code: 2,
      says: /-o scores is the folder of parts.*--report scores/s,
    },
    {
      what: "a store in a folder with other files",
      args: ["extract", "--data", "photos", "--backbone", "linear", "-o", "texts"],
      code: 2,
      says: /texts is not empty/,
    },
    {
      what: "nothing to encode",
      args: ["encode", "tokenizer", "-o", "ids.npy"],
      code: 2,
      says: /neither images nor --latents/,
    },
    { what: "floats as ids", args: decode("half.npy"), code: 1, says: /float16/ },
    { what: "ids beyond 32 bits", args: decode("wide.npy"), code: 1, says: /4294967297.*32 bits/s },
    { what: "ids of another vocabulary", args: decode("other.json"), code: 1, says: /vocabulary of 99/ },
    { what: "names of an odd shape", args: decode("named.npy"), code: 1, says: /named\.npy\.names\.json/ },
    { what: "ids out of range", args: decode("large.npy"), code: 1, says: /id 77 is outside/ },
    {
      what: "a file where images should go",
      args: ["decode", "tokenizer", "good.npy", "-o", "other.json"],
      code: 1,
      says: /a file has that name/,
    },
  );

  it.each(cases)("$what", async ({ args, code, says }) => {
    const outcome = await refused(args);
    expect(outcome.text).toMatch(says);
    expect(outcome.code).toBe(code);
  });

  it("skips a broken image among good ones and lists it", async () => {
    await cp(join(cwd, "photos"), join(cwd, "mixed"), { recursive: true });
    await cp(join(cwd, "texts", "notes.jpg"), join(cwd, "mixed", "notes.jpg"));
    const { code, stderr } = await revq(["train", "--data", "mixed", ...small, "-o", "from-mixed"], { cwd });
    expect(code).toBe(0);
    expect(stderr).toMatch(/Skipped notes\.jpg/);
  });

  it("refuses a truncated model.safetensors", async () => {
    await cp(join(cwd, "tokenizer"), join(cwd, "truncated"), { recursive: true });
    const path = join(cwd, "truncated", "model.safetensors");
    await writeFile(path, (await readFile(path)).subarray(0, 2000));
    const { code, text } = await refused(["eval", "truncated", "--data", "photos"]);
    expect(code).toBe(1);
    expect(text).toMatch(/truncated|2000/);
  });

  it("refuses a tokenizer of a newer format", async () => {
    await cp(join(cwd, "tokenizer"), join(cwd, "newer"), { recursive: true });
    const path = join(cwd, "newer", "config.json");
    await writeFile(path, (await readFile(path, "utf8")).replace(/"formatVersion": \d+/, '"formatVersion": 99'));
    expect((await refused(["eval", "newer", "--data", "photos"])).text).toMatch(/format version 99.*npm install/s);
  });

  it("gives errors as JSON with --json", async () => {
    const badSize = ["train", "--data", "photos", "--backbone", "linear", "--image-size", "60"];
    const { code, stdout } = await revq([...badSize, "--json"], { cwd });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "image-size",
        message: expect.stringContaining("multiple of 8") as string,
        fix: "Use images of 64 pixels.",
        setting: { path: "data.imageSize", value: 64 },
      },
    });
  });

  it.skipIf(!hasShared)(
    "refuses a tokenizer with other weights of its backbone (needs ../shared/weights)",
    async () => {
      const weights = relative(cwd, join(shared, "weights"));
      await revqJson(["train", ...tiny, "--backbone", "tae", "--weights", weights, "--data", "photos", "-o", "tae"], {
        cwd,
      });
      // The recorded weights are found from any working folder, and through a link that lies at another depth.
      await symlink(join(cwd, "tae"), join(cwd, "empty", "linked"));
      await revqJson(["eval", join("empty", "linked"), "--data", "photos"], { cwd });
      await revqJson(["eval", join(cwd, "tae"), "--data", join(cwd, "photos")], { cwd: join(cwd, "empty") });
      const elsewhere = join(cwd, "weights");
      await mkdir(elsewhere);
      for (const half of ["encoder", "decoder"]) {
        await cp(join(cwd, weights, `taesdxl_${half}.safetensors`), join(elsewhere, `taesd_${half}.safetensors`));
      }
      const { code, text } = await refused(["eval", "tae", "--data", "photos", "--weights", "weights"]);
      expect(code).toBe(1);
      expect(text).toMatch(/other weights of the backbone tae/);
    },
    120_000,
  );
});
