/** tfjs on ONNX Runtime (`@revq/tfjs-backend-onnx`): native speed on plain CPUs. */
import { RevqError } from "@revq/core";
import type * as onnxBackend from "@revq/tfjs-backend-onnx";
import type { EngineDriver } from "../driver.js";
import { isMissingModule } from "../probes.js";
import { firstLine } from "../reason.js";

const packageName = "@revq/tfjs-backend-onnx";

type OnnxModule = Partial<typeof onnxBackend>;

export const onnx: EngineDriver = {
  id: "onnx",
  trains: true,
  native: true,
  async start({ probes, threads }) {
    if (probes.nodeVersion === undefined) {
      throw new RevqError("engine-needs-node", "ONNX Runtime's native build runs in Node only.");
    }
    let module: OnnxModule;
    try {
      module = (await probes.importOptional(packageName)) as OnnxModule;
    } catch (error) {
      const missing = isMissingModule(error, packageName) || isMissingModule(error, "onnxruntime-node");
      throw new RevqError(
        missing ? "engine-not-installed" : "engine-broken",
        missing
          ? `${packageName} or onnxruntime-node is not installed.`
          : `${packageName} does not load: ${firstLine(error)}`,
        { fix: `Install it: npm install --ignore-scripts ${packageName} onnxruntime-node.`, cause: error },
      );
    }
    if (typeof module.registerOnnxBackend !== "function") {
      throw new RevqError("engine-not-ready", `${packageName} has no export \`registerOnnxBackend\`.`, {
        fix: `Update ${packageName}.`,
      });
    }
    const { registerOnnxBackend, onnxBackendStats } = module;
    const provider = probes.onnxProvider || "cpu";
    if (provider !== "cpu" && provider !== "webgpu") {
      throw new RevqError("engine-not-ready", `REVQ_ONNX_PROVIDER is "${provider}"; cpu or webgpu was expected.`, {
        fix: "Unset the variable, or set it to one of the two.",
      });
    }
    registerOnnxBackend({ provider, ...(threads === undefined ? {} : { threads }) });
    return {
      backendName: "onnx",
      describe() {
        if (provider === "webgpu") return "ONNX Runtime on WebGPU";
        const running = onnxBackendStats?.().threads;
        return `ONNX Runtime on the CPU${running === undefined ? "" : ` (${running} ${running === 1 ? "thread" : "threads"})`}`;
      },
      info() {
        const stats = onnxBackendStats?.();
        return stats ? { heapBytes: stats.aliveBytes + stats.pooledBytes, threads: stats.threads } : {};
      },
    };
  },
};
