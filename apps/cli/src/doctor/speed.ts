/** Times the main operations of training on one engine, for a few seconds. */
import { createRandom } from "@revq/core";
import { speedCheck, type Engine } from "@revq/engine";
import { nearestCodes } from "@revq/nearest";
import { nearestCodesWebGPU, webgpuSearchRuns } from "@revq/nearest/webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D } from "@tensorflow/tfjs-core";
import { medianMs } from "../bench/measure.js";
import type { EngineSpeed } from "./engine-check.js";

/** Enough queries for an index to pay. */
const shape = { samples: 4096, groups: 1, codes: 4096, dim: 8 };

export async function measureSpeed(engine: Engine): Promise<EngineSpeed> {
  return { ...(await speedCheck(engine)), nearest: await nearestSpeed() };
}

/** On the GPU if the engine is one; for other engines the host searches. */
async function nearestSpeed(): Promise<EngineSpeed["nearest"]> {
  const { samples, codes, dim } = shape;
  const random = createRandom(0);
  const latents = Float32Array.from({ length: samples * dim }, random.normal);
  const codebooks = Float32Array.from({ length: codes * dim }, random.normal);
  const ms = webgpuSearchRuns()
    ? await searchOnGpu(latents, codebooks)
    : await medianMs(() => nearestCodes(latents, codebooks, shape), 3, { warmUp: 1 });
  return { what: `${samples} queries x ${codes} codes of ${dim}`, ms, gpairs: (samples * codes) / ms / 1e6 };
}

async function searchOnGpu(latents: Float32Array, codebooks: Float32Array): Promise<number> {
  const { samples, groups, codes, dim } = shape;
  const queries: Tensor3D = tf.tensor3d(latents, [samples, groups, dim]);
  const books: Tensor3D = tf.tensor3d(codebooks, [groups, codes, dim]);
  const ms = await medianMs(
    async () => {
      const { indices, distances } = nearestCodesWebGPU(queries, books);
      await indices.data();
      tf.dispose([indices, distances]);
    },
    3,
    { warmUp: 1 },
  );
  tf.dispose([queries, books]);
  return ms;
}
