/** A tokenizer for browsers: the tokenizer's files with the weights of its VAE inside. */
import { writeFileAtomic } from "@revq/formats/node";
import { serializeTokenizer, Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import { basename, join, resolve } from "node:path";
import { tfjsReadme } from "./readme.js";

export async function exportTfjs(tokenizer: Tokenizer, folder: string): Promise<void> {
  const { backbone } = tokenizer.config;
  const config = { ...tokenizer.config, backbone: backbone && withoutWeights(backbone) };
  const whole = new Tokenizer({ ...tokenizer.parts, config });
  for (const [name, bytes] of Object.entries(await serializeTokenizer(whole)))
    await writeFileAtomic(join(folder, name), bytes);
  await writeFileAtomic(join(folder, "README.md"), tfjsReadme(config, basename(resolve(folder))));
}

function withoutWeights({
  decoder,
  ...backbone
}: NonNullable<TokenizerConfig["backbone"]>): TokenizerConfig["backbone"] {
  return { ...backbone, weights: null, embedded: true, decoder: decoder && { ...decoder, weights: null } };
}
