/** Each command once through the built CLI, as a user calls it. */
import { writeNpy } from "@revq/formats";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const binary = fileURLToPath(new URL("../bin/revq.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/commands/doctor.js", import.meta.url)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-bench-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function revq(...args: string[]): Promise<{ code: number | null; output: unknown; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [binary, ...args, "--json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      try {
        resolve({ code, output: JSON.parse(output), errors });
      } catch {
        reject(new Error(`revq ${args.join(" ")} ended with ${code}:\n${errors}\n${output}`));
      }
    });
  });
}

const number = expect.any(Number) as number;

describe.skipIf(!built)("the commands (need a build: npx tsc -b apps/cli)", () => {
  it("bench matmul and bench conv", async () => {
    const expected = {
      engine: "wasm",
      ms: number,
      gflops: number,
      onnxruntime: { ms: number, gflops: number },
      ratio: number,
    };
    const matmul = await revq("bench", "matmul", "--size", "16", "--repeats", "1", "--engine", "wasm");
    expect(matmul).toMatchObject({ code: 0, output: { what: "matmul 16^3 float32", ...expected } });
    const conv = await revq("bench", "conv", "--size", "8", "--channels", "2", "--repeats", "1", "--engine", "wasm");
    expect(conv).toMatchObject({ code: 0, output: expected });
  });

  it("bench step", async () => {
    const { code, output } = await revq(
      "bench",
      "step",
      "--preset",
      "tiny",
      "--batch",
      "1",
      "--steps",
      "1",
      "--engine",
      "wasm",
    );
    expect(code).toBe(0);
    expect(output).toMatchObject({
      engine: "wasm",
      preset: "tiny",
      batch: 1,
      msPerStep: {
        quantize: number,
        rectifierForward: number,
        rectifierBackward: number,
        optimizer: number,
        total: number,
      },
      peakRssMiB: number,
      gpuBytes: null,
      fullTraining: { epochs: 3, hours: number },
    });
  });

  it("bench nearest, on drawn data and on a file of latents", async () => {
    const file = join(folder, "latents.npy");
    const values = Float32Array.from({ length: 40 * 8 }, (_, i) => Math.sin(i * i));
    await writeFile(file, writeNpy({ shape: [40, 2, 2, 2], dtype: "float32", data: values }));
    const sizes = ["--queries", "8", "--codes", "16", "--dim", "4", "--groups", "2", "--repeats", "1"];
    const data = ["--data", "gaussian", "--data", "uniform", "--data", "latents", "--latents", file];
    const { code, output } = await revq("bench", "nearest", ...sizes, ...data);
    expect(code).toBe(0);
    const { results } = output as { results: { data: string; mismatches: number }[] };
    expect(results.map(({ data: kind }) => kind)).toEqual(["gaussian", "uniform", "latents"]);
    for (const result of results) {
      expect(result).toMatchObject({
        engine: "wasm",
        pairsPerSecond: number,
        queriesPerSecond: number,
        buildMs: number,
        threads: number,
        peakRssMiB: number,
        mismatches: 0,
      });
    }
  });

  it("bench nearest: latents without a file, or too narrow ones, are the caller's mistake", async () => {
    expect(await revq("bench", "nearest", "--data", "latents")).toMatchObject({
      code: 2,
      output: { error: { code: "bench-latents", fix: "Name one: --latents FILE.npy." } },
    });
    const file = join(folder, "narrow.npy");
    await writeFile(file, writeNpy({ shape: [4, 2], dtype: "float32", data: new Float32Array(8) }));
    expect(await revq("bench", "nearest", "--latents", file)).toMatchObject({
      code: 1,
      output: { error: { code: "bench-latents" } },
    });
  });

  it("doctor, beside a tfjs-node that takes its process down", { timeout: 180_000 }, async () => {
    const broken = join(folder, "node_modules", "@tensorflow", "tfjs-node");
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, "package.json"), JSON.stringify({ version: "4.22.0", main: "index.js" }));
    await writeFile(join(broken, "index.js"), "process.abort();");
    const { code, output } = await revq("doctor");
    expect(code).toBe(0);
    const report = output as { engines: { id: string }[]; adapter: unknown; auto: string | null };
    expect(report).toMatchObject({
      node: { version: process.versions.node, ok: true },
      versions: { tfjs: expect.stringMatching(/^4\./), tfjsNode: "4.22.0" },
      trains: true,
      disk: { freeGiB: number },
      hubCache: { folder: expect.any(String) },
    });
    expect(report.engines.map(({ id }) => id)).toEqual(["webgpu", "node-gpu", "node", "onnx", "wasm", "cpu"]);
    const engine = Object.fromEntries(report.engines.map((one) => [one.id, one]));
    expect(engine["node"]).toMatchObject({
      ok: false,
      trains: false,
      reason: expect.stringContaining("It crashed"),
      speed: null,
    });
    const speed = { matmul: { gflops: number }, convolution: { gflops: number }, nearest: { gpairs: number } };
    expect(engine["wasm"]).toMatchObject({ ok: true, trains: true, fix: null, speed });
    expect(report.adapter === null).toBe((engine["webgpu"] as unknown as { ok: boolean }).ok === false);
  });
});
