/** Where others get the VAE of a tokenizer from. */
import { isRelativePath, parseTokenizerConfig, type TokenizerConfig } from "@revq/tokenizer";
import { isAbsolute } from "node:path";

/** A note if only this machine has the VAE's weights; null otherwise. @param text of a config.json */
export function weightsNote(text: string): string | null {
  if (!("formatVersion" in (JSON.parse(text) as object))) return null; // an export holds its VAE
  const { backbone }: TokenizerConfig = parseTokenizerConfig(text, "config.json");
  if (!backbone || backbone.embedded) return null;
  const places = [backbone.weights, backbone.decoder?.weights ?? null];
  const local = places.find((place) => place !== null && (isAbsolute(place) || isRelativePath(place)));
  if (local === undefined) return null;
  return (
    `The VAE's weights are not in the tokenizer: config.json names ${local}, which others do not have. ` +
    "They need --weights. `revq train --embed-backbone` and `revq export --to tfjs` put them in."
  );
}
