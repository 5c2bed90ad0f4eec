/**
 * What a stranger does, with everything published to a registry on loopback: install the command line in an empty folder with npm and with
 * pnpm (no install scripts), run the main job, make a plugin with `revq plugins new`, test it, publish it, train with it; import
 * @revq/tokenizer in a Vite app. Needs `npm ci` here and `npm run build` in the workspace before.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll, tool } from "./packages.mjs";

const root = mkdtempSync(join(tmpdir(), "revq-try-"));
const registry = await startRegistry();
try {
  step("publish", () =>
    packAll(join(root, "tarballs")).map(({ file }) =>
      run("npm", ["publish", file, "--access", "public"], project("publish")),
    ),
  );
  const brief = ["--data", "synthetic:dead-leaves", "--image-size", "64", "--set", "data.limit=60", "--epochs", "1"];
  const train = ["revq", "train", "--backbone", "linear", "--quantizer", "multigroup", ...brief, "-o", "tokenizer"];
  const withNpm = project("with-npm");
  step("npm install @revq/cli", () => run("npm", ["install", "--ignore-scripts", "--no-audit", "@revq/cli"], withNpm));
  step("npx revq train", () => run("npx", train, withNpm));
  const withPnpm = project("with-pnpm");
  step("pnpm add @revq/cli", () => run(tool("pnpm"), ["add", "--ignore-scripts", "@revq/cli"], withPnpm));
  step("pnpm exec revq train", () => run(tool("pnpm"), ["exec", ...train], withPnpm));

  step("revq plugins new", () =>
    run("npx", ["revq", "plugins", "new", "my-vq", "--kind", "quantizer", "-o", "my-vq"], withNpm),
  );
  const plugin = join(withNpm, "my-vq");
  writeNpmrc(plugin);
  step("npm install, in the plugin", () => run("npm", ["install", "--ignore-scripts", "--no-audit"], plugin));
  step("npm run build, npm test", () => {
    run("npm", ["run", "build"], plugin);
    run("npm", ["test"], plugin, { REVQ_TEST_ENGINES: "cpu", CI: "" });
  });
  run("npm", ["pkg", "set", "name=@revq-try/quantizer-my-vq"], plugin);
  step("npm publish, npm install the plugin", () => {
    run("npm", ["publish", "--access", "public", "--ignore-scripts"], plugin);
    run("npm", ["install", "--ignore-scripts", "--no-audit", "@revq-try/quantizer-my-vq"], withNpm);
  });
  step("revq train --quantizer my-vq", () =>
    run("npx", ["revq", "train", "--quantizer", "my-vq", ...brief, "-o", "mine"], withNpm),
  );

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
  const { url } = registry;
  const lines = [
    `@revq:registry=${url}`,
    `@revq-try:registry=${url}`,
    `${url.slice("http:".length)}:_authToken=nobody`,
    "fund=false",
  ];
  writeFileSync(join(folder, ".npmrc"), `${lines.join("\n")}\n`);
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

/** verdaccio on a free port of loopback: takes everything under two scopes, asks nobody else. */
async function startRegistry() {
  const port = await new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address();
      probe.close(() => done(free));
    });
  });
  const config = join(root, "verdaccio.yaml");
  const rules = "{ access: $all, publish: $all }";
  writeFileSync(
    config,
    `storage: ${join(root, "storage")}\nmax_body_size: 100mb\npackages:\n  "@revq/*": ${rules}\n  "@revq-try/*": ${rules}\nlog: { type: stdout, level: warn }\n`,
  );
  const child = spawn(tool("verdaccio"), ["--config", config, "--listen", `127.0.0.1:${port}`], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/`;
  for (let tries = 0; ; tries++) {
    const up = await fetch(`${url}-/ping`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) break;
    if (tries > 100) throw new Error("the registry does not start");
    await new Promise((done) => setTimeout(done, 200));
  }
  return { url, stop: () => child.kill() };
}
