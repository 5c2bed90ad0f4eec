/**
 * Kills `revq train` or `revq extract` with SIGKILL at random moments, resumes, and compares what comes out in the end with a run that
 * nobody killed, byte for byte. Usage: node tools/faults/kill-and-resume.mjs train|extract [kills] [seed]; build first.
 * Prints what was killed where, and ends with code 1 when anything differed.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [what = "train", kills = "50", seed = "1"] = process.argv.slice(2);
const binary = fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "revq-kill-"));
const images = ["--data", "synthetic:dead-leaves", "--image-size", "32"];
const model = ["--tokens", "16", "--codes", "16", "--set", "rectifier.channels=16", "--set", "rectifier.headDim=8"];
const commands = {
  train: [
    ["train", ...images, ...model, "--set", "data.limit=160", "--epochs", "6", "--batch", "8", "--picture-steps", "12"],
    ["--set", "train.checkpointSteps=1", "--resume", "-o"],
  ].flat(),
  extract: ["extract", ...images, "--limit", "400", "--images-per-shard", "8", "-o"],
};
/** Files of a result that must be the same; metrics hold times. */
const compared = { train: ["config.json", "model.safetensors"], extract: null };

if (!commands[what]) throw new Error(`train or extract, not ${what}`);
let state = Number(seed);
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;

function run(out, killAfter) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [binary, ...commands[what], out], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (chunk) => (text += chunk));
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, text, milliseconds: performance.now() - started });
    });
  });
}

/** What is in the folder when the process is gone tells where it was. */
async function whereKilled(out) {
  const names = await readdir(out, { recursive: true }).catch(() => []);
  const has = (pattern) => names.some((name) => pattern.test(name));
  if (names.length === 0) return "before anything was written";
  if (has(/\.tmp$/)) return "while a file was written";
  if (what === "extract")
    return has(/manifest\.json$/)
      ? "after the manifest"
      : has(/latents-.*\.json$/)
        ? "between shards"
        : "before the first shard";
  if (has(/^README\.md$/)) return "after the result";
  if (has(/^model\.safetensors$/)) return "while scoring";
  if (has(/step-\d+\.safetensors$/)) return "between checkpoints";
  if (has(/fit\.safetensors$/)) return "while codebooks were fitted";
  return has(/latents/) ? "while images were encoded" : "before images were encoded";
}

async function contents(out) {
  // A temporary file of a killed process may stay beside a store; it is never read.
  const names = compared[what] ?? (await readdir(out)).filter((name) => !name.endsWith(".tmp")).sort();
  return Promise.all(names.map(async (name) => [name, (await readFile(join(out, name))).toString("base64")]));
}

const reference = await run(join(folder, "reference"));
if (reference.code !== 0) throw new Error(reference.text);
const expected = JSON.stringify(await contents(join(folder, "reference")));
const places = new Map();
let [killed, finished, different, failed] = [0, 0, 0, 0];
let out = join(folder, "run");
while (killed < Number(kills)) {
  const outcome = await run(out, random() * reference.milliseconds * 1.2);
  if (outcome.signal === "SIGKILL") {
    killed++;
    const place = await whereKilled(out);
    places.set(place, (places.get(place) ?? 0) + 1);
    continue;
  }
  if (outcome.code !== 0) {
    failed++;
    console.log(outcome.text);
  }
  finished++;
  if (JSON.stringify(await contents(out).catch(() => null)) !== expected) {
    different++;
    await cp(out, join(tmpdir(), `revq-kill-different-${different}`), { recursive: true });
  }
  await rm(out, { recursive: true });
}
const last = await run(out);
finished++;
if (last.code !== 0 || JSON.stringify(await contents(out)) !== expected) different++;
await rm(folder, { recursive: true });
console.log(`${what}: ${killed} kills, ${finished} results, ${different} different, ${failed} failed to resume`);
for (const [place, count] of [...places].sort((a, b) => b[1] - a[1]))
  console.log(`  ${String(count).padStart(3)}  ${place}`);
process.exitCode = different + failed > 0 ? 1 : 0;
