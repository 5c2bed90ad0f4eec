/**
 * Records what the built command line makes of fixed settings and data: tokenizers, results, ids, decoded latents and pictures, exports. Two
 * records, of the code before and after a change, tell whether the change kept what revq does: see compare.mjs. `npm run build` first.
 *
 * Run: node tools/record/record.mjs OUT [--only TEXT]
 * TEXT is a part of the names of the runs that are wanted. The data is that of the tests: REVQ_SHARED, default ../shared. Takes minutes.
 *
 * Everything runs on the engine onnx, one process at a time. The same code on the same machine gives the same record; another processor or
 * number of threads may add numbers in another order.
 */
import { execFileSync, spawn } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readNpy, writeNpy } from "./arrays.mjs";
import { flagsOf, listRuns } from "./runs.mjs";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
if (positionals.length !== 1) throw new Error("Usage: node tools/record/record.mjs OUT [--only TEXT]");
const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = join(root, "apps/cli/bin/revq.js");
const shared = resolve(process.env.REVQ_SHARED ?? join(root, "../shared"));
const out = resolve(positionals[0]);
const work = join(out, "work");
const wanted = (name) => name.includes(values.only ?? "");

await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const flags = flagsOf((await revq(["train", "--help"])).stdout);
const engine = ["--engine", "onnx"];

const samples = join(root, "packages/sample-images/images");
const pictures = await choosePictures();
const places = {
  latents: join(work, "latents.npy"),
  fewLatents: join(work, "few-latents.npy"),
  valLatents: join(shared, "data/latents/val.npy"),
  store: join(work, "store"),
  shared,
};
await writeFile(places.latents, await firstLatents(1024));
await writeFile(places.fewLatents, await firstLatents(256));

const { trained, planned, extracted, ablation, checkpoint } = listRuns(places);
const seconds = {};
for (const [name, run] of Object.entries(trained)) await record(name, () => recordTraining(name, run));
await record("imported", async (folder) => {
  await keep("import.json", ["import", "revq", checkpoint, "-o", "tokenizer", ...engine], folder);
  await recordTokenizer(folder, { latents: places.valLatents });
});
await record("ablation", (folder) => keep("ablate.json", ["ablate", ...flags(ablation), ...engine, "-o", "a"], folder));
for (const [name, settings] of Object.entries(planned)) await record(name, (folder) => recordPlan(folder, settings));
await writeFile(join(out, "record.json"), JSON.stringify({ ...aboutCode(), seconds }, null, 2));
await rm(work, { recursive: true });

/** Runs one entry of the table in a folder of its own; a failure is recorded and does not stop the others. */
async function record(name, run) {
  if (!wanted(name)) return;
  const started = performance.now();
  const folder = { cwd: join(work, name), kept: join(out, name) };
  await rm(folder.kept, { recursive: true, force: true });
  for (const path of Object.values(folder)) await mkdir(path, { recursive: true });
  try {
    await run(folder);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${name} failed: ${error.message}`);
    await writeFile(join(folder.kept, "failure.json"), JSON.stringify({ message: error.message }));
  }
  await rm(folder.cwd, { recursive: true });
  seconds[name] = Math.round((performance.now() - started) / 100) / 10;
  console.log(`${name.padEnd(24)} ${seconds[name]} s`);
}

async function recordTraining(name, { settings, killed, tile = false, exports = [] }) {
  const folder = { cwd: join(work, name), kept: join(out, name) };
  if (settings.data === places.store) {
    await keep(
      "extract.json",
      ["extract", ...flags(extracted), "--limit", "96", ...engine, "-o", places.store],
      folder,
    );
  }
  const args = ["train", ...flags(settings), ...engine, "-o", "tokenizer"];
  if (killed) {
    const { code } = await revq(args, folder.cwd, () => hasCheckpoint(join(folder.cwd, "tokenizer")));
    if (code !== 130) throw new Error(`it was to be interrupted and ended with ${code}`);
    args.push("--resume");
  } else await recordPlan(folder, settings);
  await keep("train.json", args, folder);
  await recordTokenizer(folder, settings, { tile, exports });
  if (killed && wanted(killed)) {
    for (const file of ["config.json", "model.safetensors"]) {
      const [resumed, whole] = await Promise.all([name, killed].map((each) => readFile(join(out, each, file))));
      if (!resumed.equals(whole)) throw new Error(`interrupted and resumed, ${file} is not that of ${killed}`);
    }
  }
}

async function recordPlan(folder, settings) {
  await keep("plan.json", ["train", "--dry-run", ...flags(settings), ...engine], folder);
}

/** What the tokenizer of a run is and does. */
async function recordTokenizer({ cwd, kept }, { latents }, { tile = false, exports = [] } = {}) {
  const folder = { cwd, kept };
  await copyInto(kept, join(cwd, "tokenizer"), ["config.json", "model.safetensors"]);
  const given = latents ? ["--latents", places.valLatents] : pictures;
  await keep("encode.json", ["encode", "tokenizer", ...given, "-o", "ids.npy", ...engine], folder);
  await copyInto(kept, cwd, ["ids.npy"]);
  await ran(["decode", "tokenizer", "ids.npy", "-o", "decoded.npy", ...engine], cwd);
  await copyInto(kept, cwd, ["decoded.npy"]);
  const scored = latents ? ["--latents", places.valLatents] : ["--data", join(shared, "data/kodak"), "--limit", "8"];
  await keep("eval.json", ["eval", "tokenizer", ...scored, ...engine], folder);
  if (!latents) {
    await ran(["decode", "tokenizer", "ids.npy", "-o", join(kept, "decoded"), ...engine], cwd);
  }
  if (tile) {
    const wide = join(shared, "data/kodak/kodim04.png");
    await ran(["encode", "tokenizer", wide, "--tile", "-o", "tile-ids.json", ...engine], cwd);
    await ran(["decode", "tokenizer", "tile-ids.json", "-o", join(kept, "tile-decoded"), ...engine], cwd);
    await copyInto(kept, cwd, ["tile-ids.json"]);
  }
  for (const to of exports) {
    await keep(`export-${to}.json`, ["export", "tokenizer", "--to", to, "-o", to], folder);
    if (to === "onnx") await runModels(join(cwd, to), join(cwd, "ids.npy"), kept);
    else {
      const names = (await readdir(join(cwd, to))).filter((file) => /\.(json|safetensors)$/.test(file));
      await copyInto(join(kept, to), join(cwd, to), names);
    }
  }
}

/** What exported models give for a fixed input, since the graphs themselves may name their nodes anew. */
async function runModels(folder, ids, kept) {
  const first = readNpy(await readFile(ids));
  for (const [name, dtype] of [
    ["encoder", "<i4"],
    ["decoder", "<f4"],
  ]) {
    const session = await InferenceSession.create(join(folder, `${name}.onnx`), { logSeverityLevel: 4 });
    const [{ name: input, type, shape }] = session.inputMetadata;
    const count = shape.reduce((product, size) => product * size, 1);
    const smooth = (_, i) => Math.sin(i * 0.013 + Math.sin(i * 0.00071));
    const data = type === "int32" ? first.data.slice(0, count) : Float32Array.from({ length: count }, smooth);
    const output = (await session.run({ [input]: new Tensor(type, data, shape) }))[session.outputNames[0]];
    const numbers = dtype === "<i4" ? Int32Array.from(output.data, Number) : output.data;
    await writeFile(join(kept, `onnx-${name}.npy`), writeNpy({ dtype, shape: output.dims, data: numbers }));
    await session.release();
  }
}

/** Runs with `--json` and keeps what is printed, with the places of this machine taken out. */
async function keep(file, args, { cwd, kept }) {
  await writeFile(join(kept, file), withoutPlaces((await ran([...args, "--json"], cwd)).stdout, cwd));
}

function withoutPlaces(text, cwd) {
  const names = Object.entries({ CWD: cwd, WORK: work, SHARED: shared, ROOT: root.replace(/\/$/, "") });
  return names.reduce((without, [name, path]) => without.replaceAll(path, `<${name}>`), text);
}

async function ran(args, cwd) {
  const outcome = await revq(args, cwd);
  if (outcome.code === 0) return outcome;
  const why = (outcome.stderr.trim() || outcome.stdout.trim()).split("\n").slice(-12).join("\n");
  throw new Error(`revq ${args.join(" ")} ended with ${outcome.code}:\n${why}`);
}

/** @param interruptWhen asked every few milliseconds; the first time it is true the command gets SIGINT, as by Ctrl-C */
function revq(args, cwd = work, interruptWhen = undefined) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [binary, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) child[stream].on("data", (chunk) => (texts[stream] += chunk));
    let asking = false;
    const watch = setInterval(async () => {
      if (asking || !interruptWhen) return;
      asking = true;
      if (await interruptWhen()) {
        clearInterval(watch);
        child.kill("SIGINT");
      }
      asking = false;
    }, 5);
    child.on("error", failed);
    child.on("close", (code) => {
      clearInterval(watch);
      done({ code, ...texts });
    });
  });
}

async function hasCheckpoint(tokenizer) {
  const names = await readdir(join(tokenizer, "run/checkpoints")).catch(() => []);
  return names.some((name) => /^step-\d+\.safetensors$/.test(name));
}

async function copyInto(target, source, names) {
  await mkdir(target, { recursive: true });
  for (const name of names) {
    if (!name.endsWith(".json")) await copyFile(join(source, name), join(target, name));
    else await writeFile(join(target, name), withoutPlaces(await readFile(join(source, name), "utf8"), source));
  }
}

/** Crops of four photographs, by name. */
async function choosePictures() {
  const files = (await readdir(samples)).filter((name) => name.endsWith(".jpg")).sort();
  const each = Math.floor(files.length / 4);
  return [0, 1, 2, 3].map((i) => join(samples, files[i * each]));
}

async function firstLatents(count) {
  const { dtype, shape, data } = readNpy(await readFile(join(shared, "data/latents/train.f16.npy")));
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  return writeNpy({ dtype, shape: [count, ...shape.slice(1)], data: data.slice(0, count * size) });
}

function aboutCode() {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return {
    commit: git("rev-parse", "HEAD") + (changed ? " and changes" : ""),
    node: process.version,
    threads: availableParallelism(),
  };
}
