/** How to use a tokenizer from the command line, for its model card. */
import type { TokenizerConfig } from "@revq/tokenizer";

/** Markdown. The card lies in the tokenizer's folder. */
export function cardUsage({ backbone }: Pick<TokenizerConfig, "backbone">): string {
  const commands = backbone
    ? ["revq encode . photo.jpg -o ids.npy", "revq decode . ids.npy -o out"]
    : ["revq encode . --latents latents.npy -o ids.npy", "revq decode . ids.npy -o decoded.npy"];
  return ["```sh", ...commands, "```", "", "`--offset-groups` writes ids of one vocabulary for all tokens."].join("\n");
}
