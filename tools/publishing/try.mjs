/**
 * What a stranger does, with everything published to a registry on loopback: install the command line in an empty folder with npm, with
 * pnpm (no install scripts) and for all projects, run the main job, write the tutorial's plugin, test it, publish it, train with it, type a
 * configuration; import @revq/tokenizer in a Vite app; encode and decode with the engine wasm in a small install. Needs `npm ci` here and `npm run build` in the workspace before.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool, workspace } from "./packages.mjs";
import { npmrc, publishAll, startRegistry } from "./registry.mjs";

const root = mkdtempSync(join(tmpdir(), "revq-try-"));
const registry = await startRegistry(root, { own: ["@revq/*", "@revq-try/*"] });
try {
  step("publish", () => publishAll(project("publish")));
  const brief = ["--data", "synthetic:dead-leaves", "--image-size", "64", "--set", "data.limit=60", "--epochs", "1"];
  const train = ["revq", "train", "--backbone", "linear", "--quantizer", "multigroup", ...brief, "-o", "tokenizer"];
  const withNpm = project("with-npm");
  step("npm install @revq/cli", () => run("npm", ["install", "--ignore-scripts", "--no-audit", "@revq/cli"], withNpm));
  step("npx revq train", () => run("npx", train, withNpm));
  const withPnpm = project("with-pnpm");
  step("pnpm add @revq/cli", () => run(tool("pnpm"), ["add", "--ignore-scripts", "@revq/cli"], withPnpm));
  step("pnpm exec revq train", () => run(tool("pnpm"), ["exec", ...train], withPnpm));

  step("revq plugins new, the tutorial's code", () => {
    run("npx", ["revq", "plugins", "new", "lattice", "-o", "lattice"], withNpm);
    for (const part of ["src", "test"])
      cpSync(join(workspace, "examples", "custom-plugin", part), join(withNpm, "lattice", part), { recursive: true });
  });
  const plugin = join(withNpm, "lattice");
  writeNpmrc(plugin);
  step("npm install, in the plugin", () => run("npm", ["install", "--ignore-scripts", "--no-audit"], plugin));
  step("npm run build, npm test", () => {
    run("npm", ["run", "build"], plugin);
    run("npm", ["test"], plugin, { REVQ_TEST_ENGINES: "cpu", CI: "" });
  });
  run("npm", ["pkg", "set", "name=@revq-try/quantizer-lattice"], plugin);
  step("npm publish, npm install the plugin", () => {
    run("npm", ["publish", "--access", "public", "--ignore-scripts"], plugin);
    run("npm", ["install", "--ignore-scripts", "--no-audit", "@revq-try/quantizer-lattice"], withNpm);
  });
  const trainLattice = ["train", "--backbone", "linear", "--quantizer", "lattice", ...brief];
  step("revq train --quantizer lattice, below the project", () => {
    mkdirSync(join(withNpm, "below"));
    run("npx", ["revq", ...trainLattice, "-o", "mine"], join(withNpm, "below"));
  });
  step("npm install --global, revq train --quantizer lattice elsewhere", () => {
    // What is for all projects reads no project's .npmrc.
    const scopes = ["@revq", "@revq-try"].map((scope) => `--${scope}:registry=${registry.url}`);
    const all = [...scopes, "@revq/cli", "@revq-try/quantizer-lattice"];
    const prefix = join(root, "global");
    run("npm", ["install", "--global", "--prefix", prefix, "--ignore-scripts", "--no-audit", ...all], withNpm);
    run(join(prefix, "bin", "revq"), [...trainLattice, "-o", "mine"], project("elsewhere"));
  });
  step("types of configurations, with pnpm", () => {
    run(tool("pnpm"), ["add", "--ignore-scripts", "@revq-try/quantizer-lattice", "typescript@~5.9.3"], withPnpm);
    writeFileSync(
      join(withPnpm, "revq.config.ts"),
      `import { defineConfig } from "@revq/cli";
import type {} from "@revq-try/quantizer-lattice";
export default defineConfig({ quantizer: { id: "lattice", levels: 5 }, backbone: { id: "linear", patch: 8 } });
// @ts-expect-error no such option
defineConfig({ quantizer: { id: "lattice", levles: 5 } });
`,
    );
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
    run(tool("pnpm"), ["exec", "tsc", ...options, "revq.config.ts"], withPnpm);
  });

  const app = project("app");
  writeFileSync(join(app, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  writeFileSync(
    join(app, "main.js"),
    `import { linear } from "@revq/backbone-linear";
import { multigroup } from "@revq/quantizer-multigroup";
import { Tokenizer } from "@revq/tokenizer";
import "@tensorflow/tfjs-backend-cpu";
Tokenizer.load("/tokenizer", { plugins: [linear, multigroup] }).then((tokenizer) => console.log(tokenizer.tokens));
`,
  );
  const uses = [
    "@revq/tokenizer",
    "@revq/backbone-linear",
    "@revq/quantizer-multigroup",
    "@tensorflow/tfjs-backend-cpu@4",
    "@tensorflow/tfjs-core@4",
    "vite@8",
  ];
  step("a Vite app", () => {
    run("npm", ["install", "--ignore-scripts", "--no-audit", ...uses], app);
    const said = run("npx", ["vite", "build"], app);
    if (/externalized for browser compatibility/.test(said)) throw new Error(`the bundle asks for Node:\n${said}`);
  });

  const small = project("small");
  const needed = ["tokenizer", "tokenizer-tiny", "engine", "backbone-sd-vae", "quantizer-multigroup"].concat(
    "rectifier-efficientvit",
    "transform-block",
  );
  writeFileSync(
    join(small, "main.js"),
    `import { createEngine } from "@revq/engine";
import { Tokenizer } from "@revq/tokenizer";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
const engine = await createEngine({ engine: "wasm" });
const tokenizer = await Tokenizer.load(tokenizerFolder);
const { imageSize: side } = tokenizer;
const ids = await tokenizer.encode({ width: side, height: side, data: new Uint8ClampedArray(side * side * 4).fill(200) });
const [picture] = await tokenizer.decode(ids);
console.log(engine.id, engine.trains, ids.length, picture.width);
`,
  );
  step("npm install @revq/tokenizer for the engine wasm", () => {
    const packages = [...needed.map((name) => `@revq/${name}`), "@tensorflow/tfjs-core@4"];
    run("npm", ["install", "--ignore-scripts", "--no-audit", ...packages], small);
    const said = run("node", ["main.js"], small);
    if (!said.includes("wasm false 1024 256")) throw new Error(said);
    const megabytes = Number.parseInt(run("du", ["-sm", "node_modules"], small), 10);
    console.log(`         ${megabytes} MB`);
    if (megabytes > 120) throw new Error(`${megabytes} MB instead of at most 120`);
  });
} finally {
  registry.stop();
  rmSync(root, { recursive: true, force: true });
}

function project(name) {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  writeNpmrc(folder);
  return folder;
}

function writeNpmrc(folder) {
  writeFileSync(join(folder, ".npmrc"), npmrc(registry.url, ["@revq", "@revq-try"]));
}

function step(name, act) {
  const started = performance.now();
  act();
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${name}`);
}

function run(command, args, cwd, environment = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 26,
  });
  if (status === 0) return stdout + stderr;
  throw new Error(`${command} ${args.join(" ")} in ${cwd} ended with ${status}:\n${stdout}${stderr}`.slice(0, 8000));
}
