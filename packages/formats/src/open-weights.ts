/**
 * Opens weights in a browser: a URL or a repository of the Hugging Face hub, read by byte ranges
 * without a copy on disk. In Node, `node/open-weights.ts` replaces this module and adds files and
 * the cache.
 */
import { RevqError, type WeightsSource } from "@revq/core";
import { openHubRemotely } from "./hub/open-remotely.js";
import { isHubSpec } from "./hub/spec.js";
import { isUrl, openUrl } from "./open-url.js";
import type { OpenWeightsOptions } from "./weights-options.js";

export type { OpenWeightsOptions };

/**
 * @param spec a URL of a file or folder, relative to the page or absolute, or
 * `hf:owner/name[@revision][/path]`
 * @throws RevqError `weights-not-found`, `hub-*`, `url-*`
 */
export async function openWeights(spec: string, options: OpenWeightsOptions = {}): Promise<WeightsSource> {
  if (isHubSpec(spec)) return openHubRemotely(spec, options);
  if (isUrl(spec)) return openUrl(spec, options);
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  if (base === undefined || /^([/\\]{2}|[a-z]:\\)/i.test(spec)) {
    throw new RevqError(
      "weights-not-found",
      `"${spec}" is neither a URL nor a repository of the hub (hf:owner/name).`,
      { fix: "Give a URL, hf:owner/name, or your own source of weights." },
    );
  }
  return openUrl(new URL(spec, base).href, options);
}
