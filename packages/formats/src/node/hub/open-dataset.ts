/**
 * A data set of the hub: its files, and how they are read. Contents are read by ranges from their
 * `resolve` addresses; they are not kept. Without a connection the copy in the shared cache is used.
 */
import { RevqError } from "@revq/core";
import { authorizedFetch, fileUrl, hubError, readRepository, type HubAccess } from "../../hub/repository.js";
import { parseDatasetSpec, type HubSpec } from "../../hub/spec.js";
import { RepositoryCache } from "./cache.js";
import { hubSettings } from "./settings.js";

export interface HubDataset {
  /** `owner/name` */
  readonly repository: string;
  /** A file, folder or pattern in it; "" for all of it. */
  readonly path: string;
  /** Paths in the repository. */
  readonly files: readonly string[];
  /** The folder of a copy in the cache; null: the files are read from the hub. */
  readonly folder: string | null;
  /** The address of a file. */
  url(path: string): string;
  /** Sends the token to the hub, tries again when the hub is busy, and says why access is denied. */
  readonly fetch: typeof globalThis.fetch;
}

export interface OpenDatasetOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds before the next try, by the number of tries so far. Tests shorten it. */
  readonly pause?: (tries: number) => number;
}

const maxTries = 5;
const defaultPause = (tries: number): number => 1000 * 2 ** tries;

export function isDatasetSpec(spec: string): boolean {
  return /^hf:(\/\/)?datasets\//.test(spec);
}

/**
 * @param text `hf:datasets/owner/name[/path][@revision]`
 * @throws RevqError `hub-*`
 */
export async function openHubDataset(text: string, options: OpenDatasetOptions = {}): Promise<HubDataset> {
  const spec = parseDatasetSpec(text);
  const settings = await hubSettings(options.environment);
  const access = { ...settings, fetch: options.fetch ?? globalThis.fetch };
  const fetch = patientFetch(spec, access, options.pause ?? defaultPause);
  const { repository, path } = spec;
  if (settings.offline) {
    const cache = new RepositoryCache(settings.cache, repository, "dataset");
    const commit = await cache.commitOf(spec.revision);
    const files = commit === undefined ? [] : await cache.filesOf(commit);
    if (commit === undefined || files.length === 0) throw notCached(spec, settings.cache);
    const folder = cache.snapshot(commit);
    return { repository, path, folder, files: files.map((file) => file.path), url: () => "", fetch };
  }
  const { commit, files } = await readRepository(spec, { ...access, fetch });
  return {
    repository,
    path,
    folder: null,
    files: files.map((file) => file.path),
    url: (file) => fileUrl(access, `datasets/${repository}`, commit, file),
    fetch,
  };
}

/** Data are read in many requests: the hub limits their rate, and networks fail. */
function patientFetch(spec: HubSpec, access: HubAccess, pause: (tries: number) => number): typeof globalThis.fetch {
  const send = authorizedFetch(access);
  return async (input, init) => {
    for (let tries = 1; ; tries++) {
      let failure: unknown;
      try {
        const response = await send(input, init);
        if (response.status === 401 || response.status === 403) {
          await response.body?.cancel();
          throw hubError(spec, access, Object.assign(new Error("denied"), { statusCode: response.status }));
        }
        if (response.status !== 429 && response.status < 500) return response;
        if (tries >= maxTries) return response;
        await response.body?.cancel();
        const seconds = Number(response.headers.get("retry-after") ?? 0);
        if (seconds > 0 && seconds <= 60) await sleep(seconds * 1000);
      } catch (error) {
        failure = error;
      }
      if (failure !== undefined && (failure instanceof RevqError || init?.signal?.aborted || tries >= maxTries)) {
        throw failure;
      }
      await sleep(pause(tries));
    }
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function notCached({ repository, revision }: HubSpec, cache: string): RevqError {
  return new RevqError(
    "hub-offline",
    `HF_HUB_OFFLINE is set, and the cache ${cache} does not have the data set ${repository} at revision ${revision}.`,
    {
      fix: `Unset HF_HUB_OFFLINE. Or download it elsewhere (hf download ${repository} --repo-type dataset) and copy the cache, or name its folder.`,
    },
  );
}
