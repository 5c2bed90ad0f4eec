/** The README.md of an imported tokenizer. It contains no scores: nothing was measured. */
import type { TokenizerConfig } from "@revq/tokenizer";
import { backboneText } from "@revq/train";

export function importedCard({ backbone, latentShape, tokens, training }: TokenizerConfig): string {
  return `# A revq tokenizer, imported

Made by \`revq import revq\` from a checkpoint of the ReVQ authors' code${training.preset ? ` (sizes of preset ${training.preset})` : ""}.

| | |
|---|---|
| backbone | ${backboneText(backbone)} |
| latent | ${latentShape.join(" x ")} (c, h, w) |
| tokens per image | ${tokens.tokens} in ${tokens.groups} groups |
| bits per image | ${tokens.bitsPerImage.toFixed(0)} |

Its quality was not measured: \`revq eval\` measures it.
`;
}
