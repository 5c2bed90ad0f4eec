/**
 * Time and memory against the number of images, of codes and of tokens; every run is a line of docs/scale/measurements.jsonl, from which
 * plot.mjs draws. Usage: node tools/scale/measure.mjs images N… | codes K… | tokens T… | memory SIZE COUNT RECIPE; build first.
 *
 * images: procedural images of 8 pixels, the backbone `linear` with patches of 4, so latents of [8, 2, 2]: what is measured is everything
 * but the VAE. Stages: extract (above 100,000 in
 * 8 parts, one after another); fit (codebooks of T = 8, K = 64, no rectifier); train (the same and one epoch of a rectifier of 16
 * channels), up to 100,000. codes, tokens: 4,000 latents of [32, 8, 8], codebooks only. memory: codebooks, no rectifier, on COUNT
 * latents of [32, 8, 8], under --memory SIZE.
 */
import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runMeasured } from "./run-measured.mjs";

const [what, ...values] = process.argv.slice(2);
const results = fileURLToPath(new URL("../../docs/scale/measurements.jsonl", import.meta.url));
const maker = fileURLToPath(new URL("make-store.mjs", import.meta.url));
const work = join(process.env.REVQ_SCALE_FOLDER ?? tmpdir(), "revq-scale");
const mostTrained = 100_000;
mkdirSync(join(results, ".."), { recursive: true });
mkdirSync(work, { recursive: true });

/** Runs one after another; times are added. */
async function measure(about, ...runs) {
  const total = { seconds: 0, processor: 0, mebibytes: 0, load: 0 };
  let answer;
  for (const args of runs) {
    const { answer: given, ...took } = await runMeasured(args);
    answer = given;
    total.seconds += took.seconds;
    total.processor += took.processor;
    total.mebibytes = Math.max(total.mebibytes, took.mebibytes);
    total.load += took.load / runs.length;
  }
  const { fitCodebooks, trainRectifier } = answer.seconds ?? {};
  const rounded = Object.fromEntries(Object.entries(total).map(([name, value]) => [name, Number(value.toFixed(1))]));
  const record = { ...about, ...rounded, ...(answer.seconds ? { fitCodebooks, trainRectifier } : {}) };
  appendFileSync(results, `${JSON.stringify(record)}\n`);
  console.log(JSON.stringify(record));
}

const made = [];
process.on("exit", () => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** A folder that is not there yet, and is removed in the end. */
function fresh(name) {
  const path = join(work, name);
  rmSync(path, { recursive: true, force: true });
  made.push(path);
  return path;
}

function store(count) {
  const path = join(work, `latents-${count}`);
  if (!existsSync(join(path, "manifest.json"))) execFileSync(process.execPath, [maker, path, String(count), "32,8,8"]);
  return path;
}

/** 200 latents are held out, whatever there is. */
const heldOut = (count) => ["--set", `data.validationFraction=${200 / count}`];
const noRectifier = ["--rectifier", "identity"];

if (what === "images") {
  for (const images of values.map(Number)) {
    const latents = fresh(`images-${images}`);
    const source = ["--data", "synthetic:dead-leaves", "--limit", String(images), "--image-size", "8"];
    const backbone = ["--backbone", "linear", "--set", "backbone.patch=4", "--batch", "256"];
    const extract = ["extract", ...source, ...backbone, "-o", latents];
    const parts = images > mostTrained ? 8 : 1; // so that no process takes long
    const runs = Array.from({ length: parts }, (_, part) => [...extract, "--shard", `${part}/${parts}`]);
    await measure({ stage: "extract", images, parts }, ...runs);
    const train = ["train", "--data", latents, "--tokens", "8", "--codes", "64", "--batch", "256", ...heldOut(images)];
    await measure({ stage: "fit", images }, [...train, ...noRectifier, "-o", fresh(`fit-${process.pid}`)]);
    if (images > mostTrained) continue;
    const small = ["channels=16", "headDim=8", "layers=1"].flatMap((option) => ["--set", `rectifier.${option}`]);
    await measure({ stage: "train", images }, [
      ...train,
      ...small,
      "--epochs",
      "1",
      "-o",
      fresh(`train-${process.pid}`),
    ]);
  }
} else if (what === "codes" || what === "tokens") {
  for (const value of values.map(Number)) {
    const [codes, tokens] = what === "codes" ? [value, 512] : [1024, value];
    const train = [
      "train",
      "--data",
      store(4000),
      "--tokens",
      String(tokens),
      "--codes",
      String(codes),
      ...heldOut(4000),
    ];
    await measure({ stage: what, tokens, codes }, [...train, ...noRectifier, "-o", fresh(`fit-${process.pid}`)]);
  }
} else if (what === "memory") {
  const [memory, count, recipe] = values;
  const settings = ["--recipe", recipe, "--tokens", "128", "--codes", "16", "--batch", "256", "--memory", memory];
  const about = { stage: "memory", recipe, memory, latents: Number(count) };
  const epoch = recipe === "paper" ? ["--epochs", "1"] : [];
  const train = ["train", "--data", store(Number(count)), ...settings, ...epoch, ...heldOut(Number(count))];
  await measure(about, [...train, ...noRectifier, "-o", fresh(`memory-${recipe}`)]);
} else throw new Error("images, codes, tokens or memory");
