/** Options for opening weights in any place. */
import type { ReportProgress } from "@revq/core";

export interface OpenWeightsOptions {
  /** Progress of downloads, in megabytes. */
  readonly report?: ReportProgress;
  /** A note for the user, such as "Using the copy in the cache." */
  readonly note?: (line: string) => void;
  /** Stops downloads. A later download continues from the partial file. */
  readonly signal?: AbortSignal;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * Values of `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and others. Default:
   * `process.env`, in a browser none.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}
