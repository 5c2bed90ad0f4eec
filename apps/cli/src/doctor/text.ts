/** The report of `revq doctor` for people, who may not know the word engine. The verdict comes first. */
import type { AdapterDescription } from "@revq/engine";
import type { EngineCheck, EngineSpeed } from "./engine-check.js";
import type { DoctorReport } from "./examine.js";

const indent = " ".repeat(16);

export function doctorText(report: DoctorReport): string {
  const { versions, machine, engines, disk, hubCache } = report;
  const { node } = report;
  const version = (name: string, value: string | null): string => `${name} ${value ?? "not installed"}`;
  return [
    ...verdict(report),
    "",
    "Engines (they do the computing), in the order in which revq tries them:",
    ...engines.flatMap((engine) => engineLines(engine, report)),
    "",
    ...gpuLines(report),
    "",
    `revq ${versions.revq} on Node ${node.version} (${node.ok ? "fine" : "TOO OLD"}: ${node.wanted} is needed)`,
    `${version("tfjs", versions.tfjs)}, ${version("onnxruntime-node", versions.onnxruntime)}, ${version("webgpu", versions.webgpu)}`,
    `${machine.platform}, ${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}, ${machine.memoryGiB.toFixed(0)} GiB of memory`,
    `Free disk space here: ${disk.freeGiB === null ? "unknown" : `${disk.freeGiB.toFixed(1)} GiB`} (${disk.folder})`,
    `Downloaded models: ${hubCache.folder} (${hubCache.exists ? "exists" : "does not exist yet"}; ${
      hubCache.from === "HF_HOME" ? "set by HF_HOME" : "set HF_HOME to move it"
    })`,
  ].join("\n");
}

function verdict({ node, engines, auto }: DoctorReport): string[] {
  const lines: string[] = [];
  if (!node.ok) {
    lines.push(
      `This Node is too old (${node.version}; ${node.wanted} is needed): install a newer one from nodejs.org.`,
    );
  }
  const best = engines.find((engine) => engine.ok && engine.trains);
  const chosen = engines.find(({ id }) => id === auto);
  if (!best) {
    lines.push("revq cannot train here: no engine works. Reinstall revq, or follow the advice below.");
  } else if (!chosen?.ok) {
    lines.push(
      `revq can train here, but cannot choose an engine: one that it tries first fails. Add --engine ${best.id}`,
    );
    lines.push("to its commands, or follow the advice below.");
  } else {
    lines.push(`revq can train here. It uses ${chosen.reason}.`);
    lines.push(
      auto === "wasm" || auto === "cpu"
        ? "This engine is slow. The advice at onnx below makes revq faster."
        : "Nothing more needs to be installed.",
    );
  }
  return lines;
}

function engineLines(
  { id, ok, reason, fix, speed }: EngineCheck,
  { versions, trains, onnxCommand }: DoctorReport,
): string[] {
  const name = `  ${id.padEnd(9)}`;
  const installed = id === "node" ? versions.tfjsNode : id === "node-gpu" ? versions.tfjsNodeGpu : "";
  if (installed === null && !ok && trains) return [`${name} -   not installed, and not needed`];
  const lines = [`${name} ${ok ? "yes" : "no "} ${ok ? withoutId(id, reason) : reason}`];
  const advice = id === "onnx" && versions.onnxruntime === null ? `To add it: ${onnxCommand}` : fix;
  if (!ok && advice !== null) lines.push(indent + advice);
  if (speed) lines.push(indent + speedLine(speed));
  return lines;
}

/** Removes the id that the engine's description begins with: the line begins with it already. */
function withoutId(id: string, reason: string): string {
  return reason.startsWith(`${id}: `) ? reason.slice(id.length + 2) : reason;
}

function speedLine({ matmul, convolution, nearest }: EngineSpeed): string {
  const gflops = (value: number): string => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} GFLOP/s`;
  return `${matmul.what} ${gflops(matmul.gflops)}, convolution ${gflops(convolution.gflops)}, nearest code ${nearest.gpairs.toFixed(2)} Gpairs/s`;
}

function gpuLines({ adapter, tfjsNodeGpu, node }: DoctorReport): string[] {
  const lines = [...(adapter ? adapterLines(adapter) : []), ...(adapter && !adapter.software ? [] : noGpu)];
  if (tfjsNodeGpu.installed !== null) return lines;
  return [
    ...lines,
    "CUDA: @tensorflow/tfjs-node-gpu is not installed and not needed: revq uses NVIDIA cards through WebGPU. Version 4.22 needs",
    `  libtensorflow 2.9.1 (which its install downloads), CUDA 11.2, cuDNN 8.1 and Node 22 or older; this is Node ${node.version}, which ${
      tfjsNodeGpu.nodeFits ? "fits" : "is too new for it"
    }.`,
  ];
}

const noGpu = [
  "GPU: none that revq can use. Everything works on the processor too. Small trainings take minutes.",
  "  `revq bench step --preset 512T --batch 16` estimates the time of a training of the paper.",
];

function adapterLines({ description, software, features, limits }: AdapterDescription): string[] {
  const has = (feature: string): string => `${feature} ${features.includes(feature) ? "yes" : "no"}`;
  const mebibytes = (name: string): string =>
    limits[name] === undefined ? "unknown" : `${(limits[name] / 2 ** 20).toFixed(0)} MiB`;
  return [
    software
      ? `Software GPU: ${description}. It computes on the processor, so revq does not use it.`
      : `GPU: ${description}`,
    `  largest buffer ${mebibytes("maxBufferSize")}, largest tensor ${mebibytes("maxStorageBufferBindingSize")}, ${has("shader-f16")}, ${has("subgroups")}`,
  ];
}
