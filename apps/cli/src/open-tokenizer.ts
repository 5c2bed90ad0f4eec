/** Opens the tokenizer that a command was given, with its engine and backbone. */
import { Args, Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { loadTokenizer, type Tokenizer } from "@revq/tokenizer";
import { realpath } from "node:fs/promises";
import type { BaseCommand } from "./base-command.js";

export const tokenizerArgument = Args.string({ description: "folder that `revq train` wrote", required: true });

export const weightsFlag = Flags.string({
  description: "where the backbone's weights are, instead of the place that config.json names",
  helpValue: "<spec>",
});

interface OpenFlags {
  readonly [flag: string]: unknown;
  readonly weights?: string | undefined;
  readonly engine?: string | undefined;
}

/** @param need `backbone: false` opens the latent part alone, `"if-any"` takes a tokenizer of latents too */
export async function openTokenizer(
  command: BaseCommand,
  spec: string,
  flags: OpenFlags,
  need: { backbone: boolean | "if-any" },
): Promise<Tokenizer> {
  const services = await command.services((flags["plugin"] as string[] | undefined) ?? []);
  await command.startEngine(services, flags.engine ?? "auto", flags["verbose"] === true);
  const folder = await services.openWeights(spec).catch((error: unknown) => {
    throw error instanceof RevqError && error.code === "weights-not-found" ? noTokenizer(spec) : error;
  });
  const tokenizer = await loadTokenizer(folder, {
    ...services,
    openWeights: async (spec) => services.openWeights(await withoutLinks(spec)),
    backbone: need.backbone !== false,
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
  });
  if (need.backbone === true && tokenizer.config.backbone === null) throw ofLatents();
  return tokenizer;
}

/** "..": of a linked tokenizer folder the system goes up from where it really is, a joined path from where the link is. */
async function withoutLinks(spec: string): Promise<string> {
  return realpath(spec).catch(() => spec);
}

/** Side of the square images that the tokenizer takes. */
export function imageSizeOf({ config }: Tokenizer): number {
  if (config.imageSize !== null) return config.imageSize;
  throw ofLatents();
}

function noTokenizer(spec: string): RevqError {
  return new RevqError("tokenizer-not-found", `The tokenizer "${spec}" does not exist.`, {
    fix: "Give the folder that `revq train` wrote, an URL, or hf:owner/name.",
  });
}

function ofLatents(): RevqError {
  return new RevqError(
    "tokenizer-of-latents",
    "This tokenizer was trained on latents alone: it takes and gives no images.",
    {
      fix: "Give it latents: --latents FILE.npy to encode and eval, -o FILE.npy to decode.",
    },
  );
}
