/**
 * A registry on loopback (verdaccio) with all packages of this workspace in it. `node tools/publishing/registry.mjs` keeps one up to try things
 * by hand: everything else comes from the registry that npm is configured for.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packAll, tool } from "./packages.mjs";

/**
 * Takes everything under the scopes and names that are listed, and asks nobody else for them.
 * @param {string} folder where it keeps what it is given
 * @param {{ own?: string[], uplink?: string }} options `own`: name patterns; `uplink`: where other packages come from
 */
export async function startRegistry(folder, { own = ["@revq/*"], uplink } = {}) {
  const port = await freePort();
  const config = join(folder, "verdaccio.yaml");
  const rules = [
    ...own.map((pattern) => `  "${pattern}": { access: $all, publish: $all }`),
    ...(uplink ? [`  "**": { access: $all, publish: $all, proxy: upstream }`] : []),
  ];
  writeFileSync(
    config,
    `storage: ${join(folder, "storage")}\nmax_body_size: 100mb\n${uplink ? `uplinks:\n  upstream: { url: "${uplink}" }\n` : ""}packages:\n${rules.join("\n")}\nlog: { type: stdout, level: warn }\n`,
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

/** Packs and publishes every package. @param {string} from a folder whose .npmrc leads to the registry */
export function publishAll(from) {
  for (const { file } of packAll(join(from, "tarballs")))
    execFileSync("npm", ["publish", file, "--access", "public"], { cwd: from, stdio: ["ignore", "ignore", "pipe"] });
}

/** The lines of an .npmrc: these scopes from the registry on loopback. */
export function npmrc(url, scopes = ["@revq"]) {
  return `${[...scopes.map((scope) => `${scope}:registry=${url}`), tokenLine(url), "fund=false"].join("\n")}\n`;
}

const tokenLine = (url) => `${url.slice("http:".length)}:_authToken=nobody`;

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), "revq-registry-"));
  const uplink = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const registry = await startRegistry(folder, { uplink });
  const stop = () => {
    registry.stop();
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  mkdirSync(join(folder, "publish"));
  writeFileSync(join(folder, "publish", "package.json"), "{}");
  writeFileSync(join(folder, "publish", ".npmrc"), npmrc(registry.url));
  publishAll(join(folder, "publish"));
  console.log(
    `${registry.url}\nIn an empty folder, .npmrc: registry=${registry.url}\n${tokenLine(registry.url)}\nCtrl-C ends it.`,
  );
}
