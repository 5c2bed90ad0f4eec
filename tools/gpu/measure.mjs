/**
 * Measures revq on this machine's GPU and writes one table as JSON, after every step, so that a run which is cut short keeps what it has.
 * Lies in the bundle of `bundle.mjs`.
 *
 *   sh revq-gpu/run.sh [-o results.json] [--quick] [--minutes 25]
 *
 * --quick: tiny shapes, for a rehearsal without a GPU. Steps that would begin after --minutes are left out and named.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    out: { type: "string", short: "o", default: "results.json" },
    quick: { type: "boolean", default: false },
    minutes: { type: "string", default: "25" },
  },
});
const deadline = Date.now() + 60_000 * Number(flags.minutes);
const { quick } = flags;

/** float32 without tensor cores, 10^12 operations a second, as the makers' data sheets say. */
const peaks = [
  [/H100|H200|GH200/, 67],
  [/A100/, 19.5],
  [/L40S/, 91.6],
  [/L4\b/, 30.3],
  [/RTX 4090/, 82.6],
  [/T4\b/, 8.1],
];

const onGpu = ["--engine", "webgpu"];
/** ONNX Runtime's graphs on the same GPU, through its WebGPU provider. */
const onnxOnGpu = { REVQ_ONNX_PROVIDER: "webgpu" };
/** The process of the current step. */
let running;
const scratch = mkdtempSync(join(tmpdir(), "revq-gpu-"));
const environment = { ...process.env, ...vulkan() };
const results = { machine: machine(), steps: {} };
const peak = peaks.find(([name]) => name.test(results.machine.gpu ?? ""))?.[1] ?? null;
results.machine.peakTflops = peak;
try {
  await step("doctor", 120, () => revq(["doctor"]));
  for (const size of quick ? [64] : [1024, 2048, 4096])
    await step(`matmul ${size}`, 120, async () =>
      shareOfPeak(await revq(["bench", "matmul", "--size", size, ...onGpu])),
    );
  for (const [size, channels] of quick
    ? [[16, 8]]
    : [
        [64, 64],
        [64, 256],
        [32, 512],
      ])
    await step(`conv ${size} x ${size} x ${channels}`, 120, async () =>
      shareOfPeak(await revq(["bench", "conv", "--size", size, "--channels", channels, ...onGpu])),
    );
  await step("gradients of convolutions", 180, async () => {
    const rows = await script("gpu-kernels.mjs", ["gradients", quick ? "quick" : "full"]);
    return rows.map(shareOfPeak);
  });
  await step("search", 240, () => script("gpu-kernels.mjs", ["search", quick ? "quick" : "full"]));
  for (const batch of quick ? [2] : [16, 32, 64, 128, 256]) {
    const preset = quick ? "tiny" : "512T";
    await step(`step ${preset}, batch ${batch}`, 240, () =>
      revq(["bench", "step", "--preset", preset, "--batch", batch, "--steps", quick ? 1 : 5, ...onGpu]),
    );
  }
  for (const batch of quick ? [2] : [16, 64, 256]) {
    const preset = quick ? "tiny" : "512T";
    await step(`step ${preset}, batch ${batch}, ONNX Runtime on WebGPU`, 240, () =>
      revq(
        ["bench", "step", "--preset", preset, "--batch", batch, "--steps", quick ? 1 : 5, "--engine", "onnx"],
        onnxOnGpu,
      ),
    );
  }
  await jobOnImages();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify(results, null, 2));

/** The whole job on both engines, and whether they give the same ids. */
async function jobOnImages() {
  const data = join(here, "data");
  if (!existsSync(join(data, "train"))) {
    results.steps["job"] = { skipped: "the bundle holds no images" };
    return save();
  }
  const weights = join(data, "weights");
  const backbone = ["--backbone", "tae", "--weights", weights, "--set", "backbone.variant=taesd3"];
  const shape = ["--tokens", 1024, "--codes", 512];
  // SwiftShader takes minutes for one picture.
  const tiny = ["--set", "data.limit=4", "--image-size", 32, "--tokens", 4, "--codes", 4, "--rectifier", "identity"];
  const little = quick ? [...tiny, "--lpips", "none", "--report-images", "none"] : shape;
  const steps = ["--picture-steps", quick ? 0 : 240, "--adapt-decoder", "none"];
  const files = ["--data", join(data, "train"), ...(quick ? [] : ["--val", join(data, "val")])];
  const kinds = [
    ["webgpu", "webgpu", {}],
    ["ONNX Runtime on WebGPU", "onnx", onnxOnGpu],
    ["onnx", "onnx", {}],
  ];
  for (const [name, engine, added] of kinds) {
    const out = join(scratch, name);
    await step(`job, ${name}`, 600, async () => {
      const started = performance.now();
      const { seconds, psnr, lpips, latentMse } = await revq(
        ["train", ...files, ...backbone, ...little, ...steps, "--engine", engine, "-o", out],
        added,
      );
      return { wallSeconds: (performance.now() - started) / 1000, seconds, psnr, lpips, latentMse };
    });
  }
  await step("ids of both engines", 240, async () => {
    const found = [];
    for (const engine of ["webgpu", "onnx"]) {
      const file = join(scratch, `${engine}.json`);
      await revq([
        "encode",
        join(scratch, "webgpu"),
        join(data, "val"),
        "-o",
        file,
        "--engine",
        engine,
        "--weights",
        weights,
      ]);
      const { images } = JSON.parse(await (await import("node:fs/promises")).readFile(file, "utf8"));
      found.push(images.flatMap(({ ids }) => ids));
    }
    const [gpu, cpu] = found;
    return { ids: gpu.length, equal: gpu.filter((id, i) => id === cpu[i]).length };
  });
}

async function step(name, seconds, act) {
  if (Date.now() > deadline) {
    results.steps[name] = { skipped: `after ${flags.minutes} minutes` };
    return save();
  }
  process.stderr.write(`${name} …`);
  const started = performance.now();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    running?.kill("SIGKILL");
  }, 1000 * seconds);
  try {
    results.steps[name] = await act();
  } catch (error) {
    results.steps[name] = { error: isLate ? `took more than ${seconds} s` : error.message };
  } finally {
    clearTimeout(timer);
  }
  process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  save();
}

function save() {
  const path = resolve(flags.out);
  writeFileSync(`${path}.part`, JSON.stringify(results, null, 2) + "\n");
  renameSync(`${path}.part`, path);
}

/** A command of revq with --json, in a process of its own: a crash ends one step. */
function revq(args, added = {}) {
  return json([join(here, "node_modules/@revq/cli/bin/revq.js"), ...args, "--json"], added);
}

function script(name, args) {
  return json([join(here, name), ...args]);
}

function json(args, added = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args.map(String), { cwd: scratch, env: { ...environment, ...added } });
    running = child;
    let [out, errors] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (errors += data));
    child.on("error", fail);
    child.on("close", (code, signal) => {
      try {
        const value = JSON.parse(out);
        if (code === 0) return done(value);
        fail(new Error(value.error?.message ?? `exit code ${code}`));
      } catch {
        fail(new Error(`ended with ${signal ?? code}: ${errors.trim().split("\n").slice(-3).join(" ")}`));
      }
    });
  });
}

/** Adds the share of the data sheet's peak to what has `gflops`. */
function shareOfPeak(row) {
  const gflops = row.gflops ?? row.engine?.gflops;
  return peak === null || gflops === undefined ? row : { ...row, shareOfPeak: gflops / (1000 * peak) };
}

function machine() {
  const query = ["--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"];
  const { stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8" });
  const [gpu = null, driver, memory, clock] = stdout?.trim().split("\n")[0].split(", ") ?? [];
  const cpu = { model: cpus()[0]?.model, threads: availableParallelism(), memoryGiB: Math.round(totalmem() / 2 ** 30) };
  return { gpu: gpu || null, driver, memory, clock, cpu, node: process.version };
}

/** The bundle's Vulkan loader where the machine has none, and the driver's file where nobody wrote it. */
function vulkan() {
  const set = {};
  if (!loads("libvulkan.so.1"))
    set.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, join(here, "lib")].filter(Boolean).join(":");
  const drivers = ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
  const isKnown = drivers.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.includes("nvidia")),
  );
  const library = ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"].find(loads);
  if (process.env.VK_ICD_FILENAMES || isKnown || !library) return set;
  const file = join(scratch, "nvidia_icd.json");
  writeFileSync(
    file,
    JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: library, api_version: "1.3.0" } }),
  );
  return { ...set, VK_ICD_FILENAMES: file };
}

/** Whether the dynamic linker finds a library: it is no addon of Node, so loading it fails in another way. */
function loads(name) {
  try {
    process.dlopen({ exports: {} }, name);
    return true;
  } catch (error) {
    return !/cannot open shared object|no such file/i.test(String(error));
  }
}
