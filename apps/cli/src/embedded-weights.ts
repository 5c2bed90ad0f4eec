/** Weights that come with the CLI, for backbones that need some when the user names none. */
import { fileURLToPath } from "node:url";
import { storeBackboneId, type ResolvedConfig } from "@revq/train";
import { weightsFolder } from "@revq/weights-tiny-sd-vae";

interface EmbeddedWeights {
  /** What `--weights` can be to name them. */
  readonly spec: string;
  readonly folder: string;
  /** What a user with an image collection wants instead. */
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
  return Object.values(byBackbone).find((known) => known.spec === spec)?.folder ?? spec;
}

/** The spec of the backbone's embedded weights, told to the user; undefined when it has none. */
export function embeddedWeightsOf(backbone: string, note: (line: string) => void): string | undefined {
  const known = byBackbone[backbone];
  if (!known) return undefined;
  note(
    `No --weights given: ${backbone} is the small VAE that comes with revq. The real one: --weights ${known.better}`,
  );
  return known.spec;
}

/** A run whose backbone (of a latent store: the one that made it) needs weights and has none named gets the embedded ones, which the tokenizer then holds. */
export async function withEmbeddedWeights(
  resolved: ResolvedConfig,
  note: (line: string) => void,
): Promise<ResolvedConfig> {
  const { backbone, data } = resolved.config;
  if (backbone.weights !== null || data.latents !== null) return resolved;
  const ofStore = data.train === null ? null : await storeBackboneId(data.train);
  const weights = embeddedWeightsOf(ofStore ?? backbone.id, note);
  if (weights === undefined) return resolved;
  return { ...resolved, config: { ...resolved.config, backbone: { ...backbone, weights, embed: true } } };
}
