/** An engine's check must survive whatever the engine does. The engines here are small programs that do the worst. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkEngine, chosenByAuto } from "../src/doctor/check-engine.js";
import { hubCache } from "../src/doctor/examine.js";
import { installedVersion, satisfies } from "../src/doctor/versions.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-doctor-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let programs = 0;
async function program(source: string): Promise<URL> {
  const path = join(folder, `program-${programs++}.mjs`);
  await writeFile(path, source);
  return pathToFileURL(path);
}

const up = `process.send({ kind: "up", id: process.argv[2] === "auto" ? "wasm" : process.argv[2], trains: true, description: "onnx: fine", adapter: null });`;
const forever = "setInterval(() => {}, 1000);";

describe("checkEngine", () => {
  it("reports an engine that works, with its speed", async () => {
    const speed = { matmul: { gflops: 1 } };
    const works = await program(
      `${up} process.send({ kind: "speed", speed: ${JSON.stringify(speed)} }, () => process.exit(0));`,
    );
    expect(await checkEngine("onnx", { program: works })).toEqual({
      id: "onnx",
      ok: true,
      trains: true,
      reason: "onnx: fine",
      fix: null,
      speed,
      adapter: null,
    });
  });

  it("passes on why an engine was refused", async () => {
    const refuses = await program(
      `process.send({ kind: "refused", reason: "No GPU.", fix: "Buy one." }, () => process.exit(0));`,
    );
    expect(await checkEngine("webgpu", { program: refuses })).toMatchObject({
      ok: false,
      trains: false,
      reason: "No GPU.",
      fix: "Buy one.",
    });
  });

  it("survives a native abort, and quotes what was said before the stack", async () => {
    const aborts = await program(`console.error("libtensorflow.so.2 is broken"); process.abort();`);
    const { ok, reason, fix } = await checkEngine("node", { program: aborts });
    expect(ok).toBe(false);
    expect(reason).toBe("It crashed (SIGABRT): libtensorflow.so.2 is broken");
    expect(fix).toContain("--engine");
  });

  it("does not call an engine fine that crashes as soon as it computes", async () => {
    const crashes = await program(`${up} setTimeout(() => process.abort(), 50);`);
    expect(await checkEngine("webgpu", { program: crashes })).toMatchObject({ ok: false, trains: false, speed: null });
  });

  it("ends one that hangs", async () => {
    const hangs = await program(forever);
    expect(await checkEngine("webgpu", { program: hangs, timeoutMs: 300 })).toMatchObject({
      ok: false,
      reason: "It did not answer in time.",
    });
  });

  it("keeps one that came up and is only too slow", async () => {
    const slow = await program(`${up} ${forever}`);
    const check = await checkEngine("onnx", { program: slow, timeoutMs: 5000 });
    expect(check).toMatchObject({ ok: true, trains: true, speed: null, reason: "onnx: fine; too slow to be timed" });
  });

  it("says so when the program is missing or ends without a report", async () => {
    const missing = await checkEngine("cpu", { program: pathToFileURL(join(folder, "nowhere.mjs")) });
    expect(missing).toMatchObject({ ok: false, reason: expect.stringMatching(/^It crashed \(exit code 1\)/) });
    const silent = await checkEngine("cpu", { program: await program("") });
    expect(silent).toMatchObject({ ok: false, reason: "Its check ended without a report." });
  });

  it("stops at once when it is told to", async () => {
    const stop = new AbortController();
    const hangs = program(forever);
    setTimeout(() => stop.abort(new Error("stopped")), 200);
    await expect(checkEngine("cpu", { program: await hangs, signal: stop.signal })).rejects.toThrow("stopped");
  });
});

it("chosenByAuto: the chosen engine, or null where trying ends in a crash", async () => {
  expect(await chosenByAuto({ program: await program(`${up} process.exitCode = 0; process.disconnect();`) })).toBe(
    "wasm",
  );
  expect(await chosenByAuto({ program: await program("process.abort();") })).toBeNull();
});

it("satisfies: every part of the version counts, from the left", () => {
  const wanted = ">=20.19.0";
  expect(["20.19.0", "20.19.1", "20.20.0", "22.0.0"].map((version) => satisfies(version, wanted))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["20.18.9", "18.20.0", "4.22.0"].map((version) => satisfies(version, wanted))).toEqual([false, false, false]);
});

it("installedVersion: what npm says, without importing it", async () => {
  const { version } = createRequire(import.meta.url)("typescript/package.json") as { version: string };
  const here = import.meta.filename;
  expect(await installedVersion("typescript", [here])).toBe(version);
  expect(await installedVersion("typescript", [join(folder, "package.json"), here])).toBe(version);
  expect(await installedVersion("@revq/there-is-no-such-package", [here])).toBeNull();
});

it("hubCache: HF_HOME wins", () => {
  expect(hubCache({ HF_HOME: folder })).toEqual({ folder, from: "HF_HOME", exists: true });
  expect(hubCache({ HF_HOME: join(folder, "none") }).exists).toBe(false);
  expect(hubCache({})).toMatchObject({ folder: expect.stringMatching(/\.cache.huggingface$/), from: "default" });
});
