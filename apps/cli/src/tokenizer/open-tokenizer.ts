/** Opens the tokenizer of a command, with its engine and backbone. */
import { isRevqError, RevqError } from "@revq/core";
import { Tokenizer } from "@revq/tokenizer";
import { realpath } from "node:fs/promises";
import type { BaseCommand, SharedFlags } from "../base-command.js";

export interface OpenFlags extends SharedFlags {
  readonly weights?: string | undefined;
  readonly "decoder-weights"?: string | undefined;
  readonly engine?: string | undefined;
}

/**
 * @param backbone `false` opens the latent part alone; `"if-any"` also accepts a tokenizer of latents
 * @throws RevqError `tokenizer-not-found`, `tokenizer-of-latents`, and the errors of `Tokenizer.load`
 */
export async function openTokenizer(
  command: BaseCommand,
  spec: string,
  flags: OpenFlags,
  backbone: boolean | "if-any",
): Promise<Tokenizer> {
  const services = await command.services(flags.plugin);
  await command.startEngine(services, flags.engine, flags.verbose);
  const folder = await services.openWeights(spec).catch((error: unknown) => {
    throw isRevqError(error) && error.code === "weights-not-found" ? notFound(spec) : error;
  });
  const decoderWeights = flags["decoder-weights"];
  const tokenizer = await Tokenizer.load(folder, {
    ...services,
    openWeights: async (spec) => services.openWeights(await withoutLinks(spec)),
    backbone: backbone !== false,
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
    ...(decoderWeights === undefined ? {} : { decoderWeights }),
  });
  if (backbone === true && tokenizer.config.backbone === null) throw ofLatents();
  return tokenizer;
}

/**
 * Resolves symbolic links. `..` of a linked folder is the folder above the link's target for the system, and the folder
 * above the link for a joined path.
 */
async function withoutLinks(spec: string): Promise<string> {
  return realpath(spec).catch(() => spec);
}

/** Side of the square images that the tokenizer takes. Throws `tokenizer-of-latents`. */
export function imageSizeOf({ config }: Tokenizer): number {
  if (config.imageSize !== null) return config.imageSize;
  throw ofLatents();
}

function notFound(spec: string): RevqError {
  return new RevqError("tokenizer-not-found", `The tokenizer "${spec}" does not exist.`, {
    fix: "Name a folder that `revq train` wrote, a URL, or hf:owner/name.",
  });
}

function ofLatents(): RevqError {
  return new RevqError(
    "tokenizer-of-latents",
    "This tokenizer was trained on latents alone: it takes and gives no images.",
    { fix: "Use latents: --latents FILE.npy for encode and eval, -o FILE.npy for decode." },
  );
}
