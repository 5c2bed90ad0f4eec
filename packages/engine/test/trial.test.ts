/** Machines on which native code crashes: `auto` must fall back, and the process must live. */
import { afterEach, describe, expect, it } from "vitest";
import { createEngine, type Engine } from "../src/index.js";
import { crashOf, lacksAvx, suspicion } from "../src/trial.js";

const open: Engine[] = [];
afterEach(() => open.splice(0).forEach((engine) => engine.dispose()));

describe("a trial in a process of its own", () => {
  it.each([
    ["process.kill(process.pid, 'SIGILL');", "SIGILL"],
    ["process.kill(process.pid, 'SIGSEGV');", "SIGSEGV"],
    ["process.exit(7);", "exit code 7"],
    ["process.exit(0);", null],
  ])("%s: %s", async (program, outcome) => {
    expect(await crashOf("onnx", program)).toBe(outcome);
  });
});

describe("a CPU without AVX", () => {
  const flags = (...names: string[]): string => `processor\t: 0\nflags\t\t: fpu ${names.join(" ")} hypervisor\n`;

  it("is known by /proc/cpuinfo", () => {
    expect(lacksAvx(flags("sse4_2"))).toBe(true);
    expect(lacksAvx(flags("sse4_2", "avx", "avx2"))).toBe(false);
    expect(lacksAvx(flags("sse4_2", "avx2")), "avx2 alone does not exist").toBe(true);
    expect(lacksAvx("Features\t: fp asimd\n"), "no x86").toBe(false);
  });

  it("makes auto take the first engine without native code, and say why", async () => {
    const tried: string[] = [];
    const notes: string[] = [];
    const probes = {
      suspicion: () => "this CPU has no AVX",
      crashOf: (id: string) => Promise.resolve(tried.push(id) > 0 ? "SIGILL" : null),
    };
    const engine = await createEngine({ probes, onNote: (note) => notes.push(note) });
    open.push(engine);
    expect(engine.id).toBe("wasm");
    expect(tried).toEqual(["webgpu", "node-gpu", "node", "onnx"]);
    expect(engine.refused.at(-1)).toEqual({
      id: "onnx",
      reason: "The engine onnx crashes on this machine (SIGILL): this CPU has no AVX.",
      fix: "Use the engine wasm: it loads no native code.",
    });
    expect(notes.join(" ")).toContain("onnx crashes on this machine (SIGILL)");
    await expect(createEngine({ engine: "onnx", probes })).rejects.toMatchObject({ code: "engine-crashes" });
  });

  it("keeps an engine that survives its trial", async () => {
    const probes = { suspicion: () => "the C library is musl, not glibc", crashOf: () => Promise.resolve(null) };
    const engine = await createEngine({ engine: "onnx", probes });
    open.push(engine);
    expect(engine.id).toBe("onnx");
  });
});

it("tries nothing where nothing suggests a crash", () => {
  const started = performance.now();
  expect(["this CPU has no AVX", "the C library is musl, not glibc", undefined]).toContain(suspicion());
  expect(performance.now() - started).toBeLessThan(100);
});
