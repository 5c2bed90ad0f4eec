/**
 * `revq export --to pytorch`: Python gives the ids and the pictures of revq. With REVQ_TEST_FULL it runs in a virtual
 * environment of its own, or in the Python that REVQ_TEST_PYTHON names.
 */
import { createRandom } from "@revq/core";
import { readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { Tokenizer } from "@revq/tokenizer";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import * as tf from "@tensorflow/tfjs-core";
import { execFile, execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedTensors } from "../plugins/backbone-sd-vae/src/architecture.js";
import { parseConfig } from "../plugins/backbone-sd-vae/src/config.js";
import { hasShared, revq, revqJson, sampleImages, shared, temporaryFolder } from "./support/revq.js";

const run = promisify(execFile);
const folder = await temporaryFolder();
const cwd = folder.path;
afterAll(() => folder.remove());

const noPython = ((): string => {
  try {
    execFileSync("python3", ["--version"]);
    return "";
  } catch {
    return "python3 is not installed";
  }
})();

describe("export --to pytorch", () => {
  const exported = join(cwd, "exported");
  beforeAll(() => revqJson(["export", fileURLToPath(tokenizerFolder), "--to", "pytorch", "-o", exported], { cwd }));

  it("writes the code with what it needs, and says what the ids are", async () => {
    expect((await readdir(exported)).sort()).toEqual([
      "README.md",
      "config.json",
      "model.safetensors",
      "modeling_revq.py",
      "tokenizer.py",
      "vocabulary.json",
    ]);
    const config = JSON.parse(await readFile(join(exported, "config.json"), "utf8")) as {
      modules: Record<string, { class: string }>;
      tokens: { tokens: number; groupOf: number[]; codebookSizes: number[] };
    };
    expect(config.tokens.groupOf.length).toBe(1024);
    expect(Object.keys(config.modules)).toEqual(["encoder", "decoder", "transform", "quantizer", "rectifier"]);
    const code = await readFile(join(exported, "tokenizer.py"), "utf8");
    for (const part of Object.values(config.modules)) expect(code).toContain(`class ${part.class}(`);
    const imported = [...code.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name!);
    const ofPython = ["json", "math", "pathlib"];
    const others = new Set(imported.filter((name) => !ofPython.includes(name)));
    expect([...others].sort()).toEqual(["PIL", "safetensors", "torch"]);
  });

  it.skipIf(noPython)(`the code compiles${noPython && ` (skipped: ${noPython})`}`, async () => {
    const sources = resolve("apps/cli/python");
    const files = [exported, sources].map(async (path) =>
      (await readdir(path)).filter((name) => name.endsWith(".py")).map((name) => join(path, name)),
    );
    const all = (await Promise.all(files)).flat();
    expect(all.length).toBeGreaterThan(15);
    const check = "import ast, sys\nfor path in sys.argv[1:]: ast.parse(open(path).read(), path)";
    await run("python3", ["-c", check, ...all]);
  });
});

interface Case {
  readonly name: string;
  readonly flags: readonly string[];
  readonly needsShared?: boolean;
}

const weights = join(shared, "weights");
const taesd = ["--backbone", "tae", "--weights", weights, "--set", "backbone.variant=taesd"];
const small = ["--tokens", "16", "--codes", "8"];
const cnn = ["--rectifier", "cnn", "--set", "rectifier.channels=8"];
const quantizer = (id: string, ...options: string[]): string[] => [
  ...["--quantizer", id],
  ...options.flatMap((option) => ["--set", `quantizer.${option}`]),
];
const transform = (id: string, metric?: string): string[] => [
  ...["--transform", id],
  ...(metric ? ["--set", `transform.metric=${metric}`] : []),
];
const none = transform("none");
const linear = ["--backbone", "linear"];
const identity = ["--rectifier", "identity"];

/** Every backbone, quantizer with its splits, transform, metric and rectifier at least once. */
const cases: readonly Case[] = [
  { name: "default", flags: small },
  { name: "eigenvalue", flags: [...small, ...transform("dct-klt", "decoder"), ...quantizer("multigroup", "groups=4")] },
  { name: "greedy", flags: [...small, ...transform("dct-klt"), ...quantizer("multigroup", "allocation=greedy")] },
  { name: "channel", flags: [...linear, ...small, ...none, ...quantizer("multigroup", "split=channel"), ...cnn] },
  { name: "block", flags: [...linear, ...small, ...none, ...quantizer("multigroup", "split=block"), ...cnn] },
  { name: "vq-patch", flags: [...linear, ...small, ...none, ...quantizer("vq", "split=patch"), ...cnn] },
  {
    name: "residual",
    flags: [...linear, ...transform("pca"), ...quantizer("residual", "depth=3", "codes=8"), "--rectifier", "mlp"],
  },
  {
    name: "fsq",
    flags: [
      ...linear,
      ...transform("dct", "centred"),
      ...quantizer("fsq", "codes=64"),
      ...cnn,
      "--set",
      "rectifier.outputSkip=false",
    ],
  },
  { name: "lfq", flags: [...linear, ...transform("dct-klt"), ...quantizer("lfq"), ...identity] },
  { name: "bsq", flags: [...linear, ...none, ...quantizer("bsq", "split=spatial"), ...identity] },
  { name: "tokenbridge", flags: [...linear, ...transform("dct-klt"), ...quantizer("tokenbridge"), ...identity] },
  { name: "trellis", flags: [...linear, ...transform("dct-klt"), ...quantizer("trellis", "tokens=32"), ...identity] },
  { name: "trellis-low", flags: [...small, ...quantizer("trellis", "codes=64"), ...cnn] },
  { name: "kl-attention", flags: ["--backbone", "sd-vae", "--weights", "kl", ...small, ...none] },
  { name: "lora", flags: [...small, "--adapt-decoder", "lora", "--picture-steps", "2"] },
  { name: "adapted-linear", flags: [...linear, ...small, "--adapt-decoder", "all", "--picture-steps", "2"] },
  { name: "taesd", flags: [...taesd, ...small, ...none, "--set", "rectifier.outputSkip=false"], needsShared: true },
  {
    name: "taef2",
    flags: [...taesd.slice(0, 4), "--set", "backbone.variant=taef2", "--tokens", "64", "--codes", "8", ...identity],
    needsShared: true,
  },
  {
    name: "taesd-with-kl",
    flags: [...taesd, "--decoder", "sd-vae", "--decoder-weights", "kl", ...small],
    needsShared: true,
  },
  {
    name: "kl-with-taesd",
    flags: [
      "--backbone",
      "sd-vae",
      "--weights",
      "kl",
      "--decoder",
      "tae",
      "--decoder-weights",
      weights,
      ...small,
    ].concat("--set", "backbone.decoder.variant=taesd"),
    needsShared: true,
  },
  {
    name: "dc-ae",
    flags: ["--backbone", "dc-ae", "--weights", join(shared, "fixtures/dc-ae-tiny"), ...small, ...none],
    needsShared: true,
  },
];

interface Checked {
  readonly name: string;
  readonly ids: number;
  readonly equal: number;
  readonly picture: number;
  readonly batch: boolean;
  /** Ids out of range, of another length, or no integers. */
  readonly refuses: boolean;
  /** Ids of 16 bits give the same pictures. */
  readonly narrow: boolean;
  /** Images and ids of no image. */
  readonly empty: readonly number[];
  /** A picture of 16 bits has the upper 8. */
  readonly deep: boolean;
}

const isFull = process.env["REVQ_TEST_FULL"] !== undefined;

describe.skipIf(!isFull)("in PyTorch (needs REVQ_TEST_FULL)", { timeout: 1_800_000 }, () => {
  const chosen = cases.filter(({ needsShared }) => hasShared || !needsShared);
  let python: string;

  beforeAll(async () => {
    await mkdir(join(cwd, "photos"));
    const names = (await readdir(sampleImages)).filter((_, i) => i % 4 === 0).slice(0, 12);
    for (const name of names) await cp(join(sampleImages, name), join(cwd, "photos", name));
    await writeRandomVae(join(cwd, "kl"));
    python = process.env["REVQ_TEST_PYTHON"] ?? (await makeEnvironment(join(cwd, "venv")));
  }, 1_800_000);

  it("has the ids of `revq encode` and the pictures of revq", async () => {
    const common = ["--data", "photos", "--image-size", "32", "--lpips", "none", "--report-images", "none"];
    const quick = ["--epochs", "3", "--lr", "0.01", "--set", "data.augment=false"];
    for (const { name, flags } of chosen) {
      const still = flags.includes("--picture-steps") ? [] : ["--picture-steps", "0", "--adapt-decoder", "none"];
      await revqJson(["train", ...common, ...quick, ...still, ...flags, "-o", name], { cwd });
      await revqJson(["export", name, "--to", "pytorch", "-o", `${name}-pt`], { cwd });
      await revqJson(["encode", name, "photos", "-o", `${name}.npy`], { cwd });
      await writePictures(name);
    }
    const files = chosen.map(({ name }) => ({
      name,
      exported: join(cwd, `${name}-pt`),
      images: join(cwd, "photos"),
      ids: join(cwd, `${name}.npy`),
      pictures: join(cwd, `${name}-pictures.npy`),
    }));
    await writeFile(join(cwd, "cases.json"), JSON.stringify(files));
    const { stdout } = await run(python, [resolve("tools/pytorch/check-export.py"), join(cwd, "cases.json")]);
    process.stdout.write(stdout); // for the record
    const checked = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Checked);
    expect(checked.map(({ name }) => name)).toEqual(chosen.map(({ name }) => name));
    for (const { name, ids, equal, picture, batch, refuses, narrow, empty, deep } of checked) {
      expect(equal, name).toBe(ids);
      expect(picture, name).toBeLessThan(1e-4);
      expect(batch, name).toBe(true);
      expect(refuses, name).toBe(true);
      expect(narrow, name).toBe(true);
      expect(empty, name).toEqual([0, 0]);
      expect(deep, name).toBe(true);
    }
  });

  it("is a model of transformers", async () => {
    const code = `
import sys, torch
from transformers import AutoModel
model = AutoModel.from_pretrained("default-pt", trust_remote_code=True)
images = torch.rand(2, 3, 32, 32) * 2 - 1
ids = model(images)
assert ids.shape == (2, 16) and ids.dtype == torch.int64 and model.decode(ids).shape == images.shape
model.save_pretrained("saved")
assert torch.equal(AutoModel.from_pretrained("saved", trust_remote_code=True)(images), ids)
sys.path.insert(0, "default-pt")
from tokenizer import RevqTokenizer
assert torch.equal(RevqTokenizer.from_pretrained("default-pt").encode(images), ids)
`;
    await run(python, ["-c", code], { cwd, env: { ...process.env, HF_HOME: join(cwd, "hf") } });
  });

  it("refuses a backbone that it cannot compute", async () => {
    const flags = ["--backbone", "sd-vae", "--weights", "kl", "--set", "backbone.sample=true", ...small, ...identity];
    await revqJson(["train", "--data", "photos", "--image-size", "32", "--lpips", "none", ...flags, "-o", "sampled"], {
      cwd,
    });
    const { code, stderr } = await revq(["export", "sampled", "--to", "pytorch", "-o", "sampled-pt"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain("takes samples of the posterior");
    expect(await readdir(cwd)).not.toContain("sampled-pt");
  });
});

/** What revq decodes, `[n, 3, S, S]` float32. */
async function writePictures(name: string): Promise<void> {
  const tokenizer = await Tokenizer.load(join(cwd, name));
  const { shape, data } = await readNpy(await fromFile(join(cwd, `${name}.npy`)));
  const ids = tf.tensor2d(data as Int32Array, shape as [number, number], "int32");
  const pictures = tf.transpose(await tokenizer.decodeIds(ids), [0, 3, 1, 2]);
  const values = (await pictures.data()) as Float32Array;
  await writeFile(join(cwd, `${name}-pictures.npy`), writeNpy({ shape: pictures.shape, data: values }));
  tokenizer.dispose();
}

/** A small AutoencoderKL with attention and quantizing convolutions, of the latent space of Stable Diffusion. */
async function writeRandomVae(path: string): Promise<void> {
  const config = {
    _class_name: "AutoencoderKL",
    block_out_channels: [8, 8, 16, 16],
    latent_channels: 4,
    norm_num_groups: 4,
  };
  const random = createRandom(1);
  const tensors = [...expectedTensors(parseConfig(config, "config.json"))].map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const scale = shape.length > 1 ? Math.sqrt(shape[0]! / size) : 0.2;
    const centre = /norm.*\.weight$/.test(name) ? 1 : 0;
    return { name, shape, data: Float32Array.from({ length: size }, () => centre + scale * random.normal()) };
  });
  await mkdir(path);
  await writeFile(join(path, "config.json"), JSON.stringify(config));
  await writeFile(join(path, "diffusion_pytorch_model.safetensors"), writeSafetensors(tensors));
}

/** A virtual environment with what the exported code needs, and transformers for the second file. */
async function makeEnvironment(path: string): Promise<string> {
  await run("python3", ["-m", "venv", path]);
  const python = join(path, "bin", "python");
  await run(python, ["-m", "pip", "install", "--quiet", "torch", "safetensors", "pillow", "transformers"]);
  return python;
}
