/** The README.md of an imported tokenizer. It contains no scores: nothing was measured. */
import type { TokenizerConfig } from "@revq/tokenizer";

export function importedCard({ backbone, latentShape, tokens, training }: TokenizerConfig): string {
  return `# A revq tokenizer, imported

Made by \`revq import revq\` from a checkpoint of the ReVQ authors' code${training.preset ? ` (sizes of preset ${training.preset})` : ""}.

| | |
|---|---|
| backbone | ${backbone ? `\`${backbone.id}\`, weights \`${backbone.weights}\`` : "none: it maps latents to ids and back"} |
| latent | ${latentShape.join(" x ")} (c, h, w) |
| tokens per image | ${tokens.tokens} in ${tokens.groups} groups |
| bits per image | ${tokens.bitsPerImage.toFixed(0)} |

Its quality was not measured: \`revq eval\` measures it.
`;
}
