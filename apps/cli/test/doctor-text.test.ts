/** What the doctor tells people on machines that the tests do not run on. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EngineCheck } from "../src/doctor/engine-check.js";
import { onnxCommand } from "../src/doctor/onnx-command.js";
import type { DoctorReport } from "../src/doctor/examine.js";
import { doctorText } from "../src/doctor/text.js";

function engine(id: EngineCheck["id"], more: Partial<EngineCheck> = {}): EngineCheck {
  return { id, ok: true, trains: true, reason: `${id}: works`, fix: null, speed: null, adapter: null, ...more };
}

const down = { ok: false, trains: false };

function report(more: Partial<DoctorReport>): DoctorReport {
  return {
    node: { version: "20.19.5", wanted: ">=20.19.0", ok: true },
    versions: {
      revq: "1.0.0",
      node: "20.19.5",
      tfjs: "4.22.0",
      onnxruntime: "1.30.0",
      webgpu: null,
      tfjsNode: null,
      tfjsNodeGpu: null,
    },
    machine: { platform: "linux x64", cpu: "Some CPU", cores: 2, memoryGiB: 8 },
    engines: [engine("cpu")],
    onnxCommand: "npm install --global --ignore-scripts onnxruntime-node@~1.30.0",
    trains: true,
    auto: "cpu",
    adapter: null,
    tfjsNodeGpu: { installed: null, nodeFits: true },
    disk: { folder: "/work", freeGiB: 12.34 },
    hubCache: { folder: "/home/me/.cache/huggingface", from: "default", exists: false },
    ...more,
  };
}

const speed = {
  matmul: { what: "matmul 1024^3", ms: 20, gflops: 107.4 },
  convolution: { what: "convolution", ms: 5, gflops: 60.2 },
  nearest: { what: "search", ms: 8, gpairs: 2.1 },
};

describe("doctorText", () => {
  it("reads well on a machine without a GPU", () => {
    const engines = [
      engine("webgpu", {
        ...down,
        reason: "No GPU can be reached: the Vulkan loader (libvulkan.so.1) is missing.",
        fix: "Where there is a GPU, install its driver.",
      }),
      engine("node", { ...down, reason: "@tensorflow/tfjs-node is not installed.", fix: "npm install it" }),
      engine("onnx", { reason: "onnx: ONNX Runtime on the CPU (2 threads)", speed }),
    ];
    expect(doctorText(report({ engines, auto: "onnx" }))).toMatchInlineSnapshot(`
      "revq can train here. It uses onnx: ONNX Runtime on the CPU (2 threads).
      Nothing more needs to be installed.

      Engines (they do the computing), in the order in which revq tries them:
        webgpu    no  No GPU can be reached: the Vulkan loader (libvulkan.so.1) is missing.
                      Where there is a GPU, install its driver.
        node      -   not installed, and not needed
        onnx      yes ONNX Runtime on the CPU (2 threads)
                      matmul 1024^3 107 GFLOP/s, convolution 60 GFLOP/s, nearest code 2.10 Gpairs/s

      GPU: none that revq can use. Everything works on the processor too. Small trainings take minutes.
        \`revq bench step --preset 512T --batch 16\` estimates the time of a training of the paper.
      CUDA: @tensorflow/tfjs-node-gpu is not installed and not needed: revq uses NVIDIA cards through WebGPU. Version 4.22 needs
        libtensorflow 2.9.1 (which its install downloads), CUDA 11.2, cuDNN 8.1 and Node 22 or older; this is Node 20.19.5, which fits.

      revq 1.0.0 on Node 20.19.5 (fine: >=20.19.0 is needed)
      tfjs 4.22.0, onnxruntime-node 1.30.0, webgpu not installed
      linux x64, Some CPU, 2 cores, 8 GiB of memory
      Free disk space here: 12.3 GiB (/work)
      Downloaded models: /home/me/.cache/huggingface (does not exist yet; set HF_HOME to move it)"
    `);
  });

  it("names the engine to take when trying the others ends in a crash", () => {
    const engines = [engine("node", { ...down, reason: "It crashed (SIGABRT)." }), engine("onnx")];
    expect(doctorText(report({ engines, auto: null }))).toMatch(/^revq can train here, but .* Add --engine onnx\n/);
  });

  it("says when nothing trains, and when Node is too old", () => {
    const nothing = doctorText(report({ engines: [engine("cpu", { trains: false })], trains: false }));
    expect(nothing).toMatch(/^revq cannot train here/);
    const old = doctorText(report({ node: { version: "18.20.0", wanted: ">=20.19.0", ok: false } }));
    expect(old).toMatch(/^This Node is too old \(18\.20\.0; >=20\.19\.0 is needed\)/);
  });

  it("describes the GPU, and that a software GPU is not used", () => {
    const adapter = {
      vendor: "google",
      architecture: "swiftshader",
      description: "SwiftShader Device",
      software: true,
      features: ["shader-f16"],
      limits: { maxBufferSize: 2 ** 31, maxStorageBufferBindingSize: 2 ** 30 },
      shaderF16: true,
      subgroups: false,
    };
    const text = doctorText(report({ adapter }));
    expect(text).toContain("Software GPU: SwiftShader Device. It computes on the processor, so revq does not use it.");
    expect(text).toContain("GPU: none that revq can use.");
    expect(text).toContain("largest buffer 2048 MiB, largest tensor 1024 MiB, shader-f16 yes, subgroups no");
    const real = doctorText(report({ adapter: { ...adapter, software: false, description: "Some Card" } }));
    expect(real).toContain("\nGPU: Some Card\n");
    expect(real).not.toContain("none that revq can use");
  });

  it("leaves the CUDA note out where tfjs-node-gpu is installed: its own line says how it does", () => {
    expect(doctorText(report({}))).toContain("CUDA 11.2");
    expect(doctorText(report({ tfjsNodeGpu: { installed: "4.22.0", nodeFits: true } }))).not.toContain("CUDA");
    expect(doctorText(report({ tfjsNodeGpu: { installed: null, nodeFits: false } }))).toContain("too new for it");
  });
});

describe("an installation without ONNX Runtime", () => {
  it("is told the one command that adds it", () => {
    const missing = { ...down, reason: "onnxruntime-node is not installed.", fix: "Install two packages." };
    const { versions } = report({});
    const text = doctorText(
      report({
        versions: { ...versions, onnxruntime: null },
        engines: [engine("onnx", missing), engine("wasm")],
        auto: "wasm",
      }),
    );
    expect(text).toContain("To add it: npm install --global --ignore-scripts onnxruntime-node@~1.30.0");
    expect(text).not.toContain("Install two packages");
  });

  it("is global where no project is around it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "revq-global-"));
    const file = join(folder, "node_modules", "@revq", "cli", "dist", "index.js");
    expect(onnxCommand(file)).toMatch(/^npm install --global --ignore-scripts onnxruntime-node@~\d+\.\d+\.\d+$/);
    await writeFile(join(folder, "package.json"), "{}");
    expect(onnxCommand(file)).toMatch(/^npm install --ignore-scripts onnxruntime-node@~/);
    await rm(folder, { recursive: true });
  });
});
