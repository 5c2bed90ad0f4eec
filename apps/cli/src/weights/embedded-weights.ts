/** Weights that are bundled with the CLI, for backbones that need some when the user names none. */
import type { ResolvedConfig } from "@revq/train/config";
import { weightsFolder } from "@revq/weights-tiny-sd-vae";
import { fileURLToPath } from "node:url";
import { bundledLpips } from "./bundled-lpips.js";

interface EmbeddedWeights {
  /** What `--weights` takes to name them. */
  readonly spec: string;
  readonly folder: string;
  /** Full-size weights, for a user with an image collection. */
  readonly better: string;
}

const byBackbone: Readonly<Record<string, EmbeddedWeights>> = {
  "sd-vae": {
    spec: "embedded:tiny-sd-vae",
    folder: fileURLToPath(weightsFolder),
    better: "hf:stabilityai/sd-vae-ft-mse",
  },
};

/** The folder that an `embedded:` spec names; other specs stay as they are. */
export function embeddedFolder(spec: string): string {
  return [...Object.values(byBackbone), bundledLpips].find((known) => known.spec === spec)?.folder ?? spec;
}

/** The spec of the backbone's embedded weights, with a note to the user; undefined when it has none. */
export function embeddedWeightsOf(backbone: string, note: (line: string) => void): string | undefined {
  const known = byBackbone[backbone];
  if (!known) return undefined;
  note(`No --weights given: ${backbone} uses the bundled small VAE. For the full-size one: --weights ${known.better}`);
  return known.spec;
}

/**
 * Gives the embedded weights to a run whose backbone needs weights and has none; the tokenizer then contains them. The
 * backbone of a latent store is the one that made the store.
 */
export async function withEmbeddedWeights(
  resolved: ResolvedConfig,
  note: (line: string) => void,
): Promise<ResolvedConfig> {
  const { backbone, data } = resolved.config;
  if (backbone.weights !== null || data.latents !== null) return resolved;
  const weights = embeddedWeightsOf((await backboneOfData(data.train)) ?? backbone.id, note);
  if (weights === undefined) return resolved;
  return { ...resolved, config: { ...resolved.config, backbone: { ...backbone, weights, embed: true } } };
}

async function backboneOfData(data: ResolvedConfig["config"]["data"]["train"]): Promise<string | null> {
  if (data === null) return null;
  const { storeBackboneId } = await import("@revq/train");
  return storeBackboneId(data);
}
