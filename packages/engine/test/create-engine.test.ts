import * as tf from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";
import { afterEach, describe, expect, it } from "vitest";
import { createEngine, type EngineProbes } from "../src/index.js";

const missing = (name: string): Promise<never> =>
  Promise.reject(Object.assign(new Error(`Cannot find package '${name}'`), { code: "ERR_MODULE_NOT_FOUND" }));

/** A machine with nothing optional on it; each test gives it what it is about. */
const bare: EngineProbes = {
  nodeVersion: "20.19.0",
  platform: "linux",
  importOptional: missing,
  navigatorGpu: () => undefined,
  findsSharedLibrary: () => false,
  suspicion: () => undefined,
  crashOf: () => Promise.reject(new Error("nothing suggests a crash")),
};

const open: { dispose(): void }[] = [];
afterEach(() => open.splice(0).forEach((engine) => engine.dispose()));

async function create(...args: Parameters<typeof createEngine>): ReturnType<typeof createEngine> {
  const engine = await createEngine(...args);
  open.push(engine);
  return engine;
}

function adapter(info: object): GPUAdapter {
  return {
    info: { vendor: "", architecture: "", device: "", description: "", ...info },
    features: new Set(),
    limits: {},
  } as unknown as GPUAdapter;
}

const gpuWith = (found: GPUAdapter | null): GPU => ({ requestAdapter: () => Promise.resolve(found) }) as unknown as GPU;

/**
 * What importing tfjs-node does, with tfjs cpu's kernels; its matrix product is `scale` times too
 * large.
 */
async function registerStandIn(scale: number): Promise<object> {
  const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu");
  for (const kernel of tf.getKernelsForBackend("tensorflow")) tf.unregisterKernel(kernel.kernelName, "tensorflow");
  for (const kernel of tf.getKernelsForBackend("cpu")) {
    const scaled: typeof kernel.kernelFunc = (call) =>
      kernel.kernelFunc({ ...call, inputs: { ...call.inputs, a: tf.mul(call.inputs["a"] as tf.Tensor, scale) } });
    const wrong = kernel.kernelName === "BatchMatMul" && scale !== 1;
    tf.registerKernel({ ...kernel, backendName: "tensorflow", kernelFunc: wrong ? scaled : kernel.kernelFunc });
  }
  tf.registerBackend("tensorflow", () => new MathBackendCPU());
  return {};
}

describe("createEngine", () => {
  it.each(["cpu", "wasm"] as const)("brings up %s, and again after it was disposed", async (id) => {
    for (let round = 0; round < 2; round++) {
      const engine = await createEngine({ engine: id });
      expect(engine).toMatchObject({ id, trains: true, refused: [] });
      expect(engine.description).toMatch(new RegExp(`^${id}: `));
      expect(tf.getBackend()).toBe(id);
      const nine = tf.square(3);
      expect([...(await nine.data())]).toEqual([9]);
      nine.dispose();
      engine.dispose();
      engine.dispose();
    }
  });

  it("shares a backend between engines until the last is disposed", async () => {
    const first = await create({ engine: "wasm" });
    const second = await create({ engine: "wasm" });
    const before = second.info();
    const tensor = tf.tensor([1, 2]);
    first.dispose();
    expect([...(await tensor.data())]).toEqual([1, 2]);
    const { tensors, tensorBytes } = before;
    expect(second.info()).toMatchObject({
      backend: "wasm",
      tensors: tensors + 1,
      tensorBytes: tensorBytes + 8,
      threads: 1,
    });
    expect(second.info().heapBytes).toBeGreaterThan(2 ** 20);
    tensor.dispose();
  });

  it("falls back to wasm on a bare machine and says why each other was refused", async () => {
    const notes: string[] = [];
    const engine = await create({ probes: bare, onNote: (note) => notes.push(note) });
    expect(engine.id).toBe("wasm");
    expect(engine.refused.map(({ id, reason }) => `${id}: ${reason}`)).toMatchInlineSnapshot(`
      [
        "webgpu: The Vulkan loader (libvulkan.so.1) is missing, so no GPU can be used.",
        "node-gpu: @tensorflow/tfjs-node-gpu is not installed (it is optional).",
        "node: @tensorflow/tfjs-node is not installed (it is optional).",
        "onnx: @revq/tfjs-backend-onnx or onnxruntime-node is not installed.",
      ]
    `);
    expect(notes).toHaveLength(4);
    expect(notes[0]).toMatch(/^webgpu: .*Vulkan.*apt install libvulkan1/);
  });

  it.each([
    ["SwiftShader", { vendor: "google", architecture: "swiftshader" }],
    ["llvmpipe", { vendor: "mesa", description: "llvmpipe (LLVM 15.0.6, 256 bits)" }],
    ["Windows' basic renderer", { description: "Microsoft Basic Render Driver" }],
    ["a fallback adapter", { vendor: "acme", isFallbackAdapter: true }],
  ])("passes %s over, as no real GPU", async (_, info) => {
    const engine = await create({ probes: { ...bare, navigatorGpu: () => gpuWith(adapter(info)) } });
    expect(engine.refused[0]).toMatchObject({ id: "webgpu", reason: expect.stringContaining("software") });
  });

  it("refuses webgpu without an adapter, with what to do", async () => {
    const refusal = createEngine({ engine: "webgpu", probes: { ...bare, navigatorGpu: () => gpuWith(null) } });
    await expect(refusal).rejects.toMatchObject({
      code: "webgpu-no-adapter",
      fix: expect.stringContaining("driver"),
    });
  });

  it("refuses webgpu in a browser that has none", async () => {
    const refusal = createEngine({
      engine: "webgpu",
      probes: { ...bare, nodeVersion: undefined, platform: "browser" },
    });
    await expect(refusal).rejects.toMatchObject({
      code: "webgpu-missing",
      message: expect.stringContaining("browser"),
    });
  });

  it("tells a broken tfjs-node from a missing one", async () => {
    const broken = {
      ...bare,
      nodeVersion: "24.1.0",
      importOptional: () =>
        Promise.reject(new Error("The specified module could not be found.\n/usr/lib/libtensorflow.so.2")),
    };
    await expect(createEngine({ engine: "node", probes: bare })).rejects.toMatchObject({
      code: "engine-not-installed",
    });
    await expect(createEngine({ engine: "node", probes: broken })).rejects.toMatchObject({
      code: "engine-broken",
      message: "@tensorflow/tfjs-node is installed but does not load: The specified module could not be found.",
      fix: expect.stringContaining("Node 22 or older"),
    });
  });

  it("refuses tfjs-node that registers nothing", async () => {
    const silent = { ...bare, importOptional: () => Promise.resolve({}) };
    await expect(createEngine({ engine: "node-gpu", probes: silent })).rejects.toMatchObject({
      code: "engine-other-tfjs",
    });
  });

  it("takes tfjs-node when it loads and computes", async () => {
    const engine = await create({ engine: "node", probes: { ...bare, importOptional: () => registerStandIn(1) } });
    expect(engine.description).toBe("node: libtensorflow through @tensorflow/tfjs-node (CPU)");
    expect(tf.getBackend()).toBe("tensorflow");
  });

  it("passes tfjs-node-gpu over when it finds no CUDA device", async () => {
    const engine = await create({
      probes: { ...bare, importOptional: (name) => (name.endsWith("gpu") ? registerStandIn(1) : missing(name)) },
    });
    expect(engine.refused.find(({ id }) => id === "node-gpu")).toMatchObject({
      reason: expect.stringContaining("no CUDA device"),
    });
    expect(tf.findBackendFactory("tensorflow")).toBeFalsy();
  });

  it("refuses a backend that computes wrong numbers", async () => {
    const refusal = createEngine({ engine: "node", probes: { ...bare, importOptional: () => registerStandIn(2) } });
    await expect(refusal).rejects.toMatchObject({ code: "engine-wrong-result" });
  });

  it("names an unknown engine's neighbours", async () => {
    const error = await createEngine({ engine: "webgp" as "webgpu" }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RevqError);
    expect(error).toMatchObject({
      code: "engine-unknown",
      setting: { path: "engine", value: "auto" },
      message: expect.stringContaining("Did you mean webgpu?"),
    });
  });

  it("leaves the current backend alone when an engine is refused", async () => {
    await create({ engine: "wasm" });
    const tensor = tf.tensor([5]);
    await expect(createEngine({ engine: "node", probes: bare })).rejects.toThrow(RevqError);
    expect(tf.getBackend()).toBe("wasm");
    expect([...(await tensor.data())]).toEqual([5]);
    tensor.dispose();
  });
});
