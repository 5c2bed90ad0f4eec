/**
 * Makes one archive with everything that `measure.mjs` needs on a bare x86-64 Linux machine with a GPU: Node, revq with Dawn and ONNX
 * Runtime, a Vulkan loader, a few images and the weights of one VAE. Nothing is installed there.
 *
 *   node tools/gpu/bundle.mjs revq-gpu.tar.xz --weights DIR --train DIR --val DIR
 *
 * DIR of weights holds taesd3_encoder.safetensors and taesd3_decoder.safetensors. Without the three folders the job on images is left out.
 * Needs `npm ci` and the npm registry here; there `tar`, `xz` and a driver:
 *
 *   tar -xJf revq-gpu.tar.xz && sh revq-gpu/run.sh -o results.json
 */
import { unpackSwiftShader } from "../../packages/engine/scripts/swiftshader.mjs";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packAll } from "../publishing/packages.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const limitMiB = 60;
/** Images of the job: enough for a training of minutes. */
const imageCounts = { train: 100, val: 24 };

/** For people who write plugins, with a test runner and a bundler among its dependencies. */
const notNeeded = ["@revq/testkit"];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { weights: { type: "string" }, train: { type: "string" }, val: { type: "string" } },
});
const [target] = positionals;
if (!target || positionals.length > 1) {
  console.error("usage: node tools/gpu/bundle.mjs FILE.tar.xz [--weights DIR --train DIR --val DIR]");
  process.exit(2);
}
if (process.platform !== "linux" || process.arch !== "x64") {
  console.error(
    `The bundle holds this machine's Node, so it is made on linux x64, not on ${process.platform} ${process.arch}.`,
  );
  process.exit(1);
}

const root = mkdtempSync(join(tmpdir(), "revq-gpu-"));
try {
  const folder = join(root, "revq-gpu");
  mkdirSync(join(folder, "bin"), { recursive: true });
  console.error("packing and installing revq …");
  install(folder);
  console.error("adding Node, the loader and data …");
  cpSync(process.execPath, join(folder, "bin", "node"));
  execFileSync("strip", [join(folder, "bin", "node")]);
  addLoader(join(folder, "lib"));
  for (const name of ["run.sh", "measure.mjs", "gpu-kernels.mjs"]) cpSync(join(here, name), join(folder, name));
  addData(join(folder, "data"));
  console.error("compressing …");
  const part = `${resolve(target)}.part`;
  execFileSync("tar", ["-cJf", part, "-C", root, "revq-gpu"], { env: { ...process.env, XZ_OPT: "-9 -T0" } });
  renameSync(part, resolve(target));
} finally {
  rmSync(root, { recursive: true, force: true });
}
const mebibytes = statSync(target).size / 2 ** 20;
console.error(`${target}: ${mebibytes.toFixed(1)} MiB`);
if (mebibytes > limitMiB) {
  console.error(`It is larger than ${limitMiB} MiB.`);
  process.exit(1);
}

/** revq as npm installs it, less what other platforms, browsers and editors need. */
function install(folder) {
  const files = packAll(join(root, "tarballs"))
    .filter(({ name }) => !notNeeded.includes(name))
    .map(({ file }) => file);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "revq-gpu", private: true, type: "module" }));
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", ...options, ...files], { cwd: folder, stdio: "inherit" });
  const modules = join(folder, "node_modules");
  keepOnly(join(modules, "onnxruntime-node/bin/napi-v6"), ["linux"]);
  keepOnly(join(modules, "onnxruntime-node/bin/napi-v6/linux"), ["x64"]);
  keepOnly(join(modules, "webgpu/dist"), ["linux-x64"], { folders: true });
  for (const unused of [
    "viewer/site",
    "sample-images/images",
    "tokenizer-tiny/tokenizer",
    "weights-tiny-sd-vae/weights",
  ])
    rmSync(join(modules, "@revq", unused), { recursive: true, force: true });
  const maps = ["-name", "*.map", "-o", "-name", "*.d.ts"];
  execFileSync("find", [modules, "-type", "f", "(", ...maps, ")", "-delete"]);
  // Node loads the variant for Node.
  const variants = ["-name", "tf-*.js", "!", "-name", "*.node.js"];
  execFileSync("find", [join(modules, "@tensorflow"), "-path", "*/dist/*", ...variants, "-delete"]);
}

/** @param folders only subfolders go; files stay */
function keepOnly(path, names, { folders = false } = {}) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (names.includes(entry.name) || (folders && !entry.isDirectory())) continue;
    rmSync(join(path, entry.name), { recursive: true });
  }
}

/** libvulkan.so.1, which drivers do not bring along. */
function addLoader(target) {
  const { folder, remove } = unpackSwiftShader();
  mkdirSync(target);
  for (const name of readdirSync(folder).filter((each) => each.startsWith("libvulkan.so")))
    cpSync(join(folder, name), join(target, name));
  remove();
}

function addData(target) {
  mkdirSync(target);
  if (!flags.weights || !flags.train || !flags.val) return;
  for (const half of ["encoder", "decoder"]) {
    const name = `taesd3_${half}.safetensors`;
    cpSync(join(flags.weights, name), join(target, "weights", name));
  }
  for (const [set, count] of Object.entries(imageCounts)) {
    const source = flags[set];
    if (!existsSync(source)) throw new Error(`${source} does not exist`);
    for (const name of readdirSync(source).sort().slice(0, count))
      cpSync(join(source, name), join(target, set, basename(name)));
  }
}
