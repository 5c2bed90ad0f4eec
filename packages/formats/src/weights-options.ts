/** What opening weights can be told, whatever the place. */
import type { ReportProgress } from "@revq/core";

export interface OpenWeightsOptions {
  /** Progress of downloads, in megabytes. */
  readonly report?: ReportProgress;
  /** A line for the user, such as "offline: the copy in the cache is used". */
  readonly note?: (line: string) => void;
  /** Stops downloads; what has arrived is kept for the next time. */
  readonly signal?: AbortSignal;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Where `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and their kin are looked up. Default: `process.env`; in a browser nothing. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}
