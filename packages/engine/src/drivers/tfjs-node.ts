/**
 * tfjs-node and tfjs-node-gpu (libtensorflow 2.9.1 behind Node-API), if the user installed one. Not
 * a dependency: their installation downloads 300 to 900 MB, and 4.22 does not run on Node 23 and
 * later.
 */
import * as tf from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";
import { importBackend } from "../backends.js";
import type { EngineDriver } from "../driver.js";
import { isMissingModule } from "../probes.js";
import { firstLine } from "../reason.js";

/** Both packages register this backend name. */
const backendName = "tensorflow";

/** The first major version of Node without functions that 4.22 calls (`util.isNullOrUndefined`). */
const firstUnsupportedNode = 23;

function driver(id: "node" | "node-gpu", packageName: string): EngineDriver {
  return {
    id,
    trains: true,
    native: true,
    async start({ probes, named }) {
      if (probes.nodeVersion === undefined) {
        throw new RevqError("engine-needs-node", `${packageName} runs in Node only.`);
      }
      await load(packageName, probes);
      const usesGpu = (): boolean => (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
      return {
        backendName,
        prepare() {
          if (id === "node-gpu" && !named && !usesGpu()) {
            throw new RevqError("engine-no-cuda", `${packageName} is installed but finds no CUDA device.`, {
              fix: "Provide an NVIDIA GPU, and CUDA 11.2 and cuDNN 8.1 on the library path.",
            });
          }
        },
        describe: () => `libtensorflow through ${packageName} (${usesGpu() ? "CUDA" : "CPU"})`,
      };
    },
  };
}

async function load(packageName: string, probes: Parameters<EngineDriver["start"]>[0]["probes"]): Promise<void> {
  const major = Number.parseInt(probes.nodeVersion!, 10);
  try {
    await importBackend(backendName, () => probes.importOptional(packageName));
  } catch (error) {
    if (isMissingModule(error, packageName)) {
      throw new RevqError("engine-not-installed", `${packageName} is not installed (it is optional).`, {
        fix: `Install it on Node 22 or older: npm install ${packageName}.`,
      });
    }
    throw new RevqError("engine-broken", `${packageName} is installed but does not load: ${firstLine(error)}`, {
      fix:
        major >= firstUnsupportedNode
          ? `It does not support Node ${probes.nodeVersion}: use Node 22 or older, or remove it.`
          : `Rebuild its addon from source with npm rebuild ${packageName}, or remove it.`,
      cause: error,
    });
  }
  if (!tf.findBackendFactory(backendName)) {
    throw new RevqError(
      "engine-other-tfjs",
      `${packageName} loaded, but registered its backend with another copy of @tensorflow/tfjs-core.`,
      { fix: "Install the version of tfjs-core that revq uses: see npm ls @tensorflow/tfjs-core." },
    );
  }
}

export const tfjsNode = driver("node", "@tensorflow/tfjs-node");
export const tfjsNodeGpu = driver("node-gpu", "@tensorflow/tfjs-node-gpu");
