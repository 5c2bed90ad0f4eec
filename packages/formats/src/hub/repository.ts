/**
 * The commit of a revision and the files of a repository, from the hub's API through
 * `@huggingface/hub`.
 */
import { RevqError } from "@revq/core";
import { unknownFile } from "../unknown-file.js";
import type { HubSpec } from "./spec.js";

export interface HubFile {
  /** Path in the repository. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /**
   * SHA-256 of the content for large files, git's SHA-1 of the blob for others. It is also the
   * file's name in the cache.
   */
  readonly hash: { readonly algorithm: "sha256" | "git-sha1"; readonly hex: string };
}

export interface HubRepository {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

export interface HubAccess {
  /** `https://huggingface.co` or a mirror, without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly fetch: typeof globalThis.fetch;
}

export const defaultEndpoint = "https://huggingface.co";

/**
 * A fetch that sends the token to the hub itself, but not to addresses that the hub redirects to.
 */
export function authorizedFetch({ endpoint, token, fetch }: HubAccess, signal?: AbortSignal): typeof globalThis.fetch {
  const { origin } = new URL(endpoint);
  return (input, init = {}) => {
    const headers = new Headers(init.headers);
    const url = new URL(input instanceof Request ? input.url : input);
    if (token && url.origin === origin) headers.set("authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers, ...(signal && !init.signal ? { signal } : {}) });
  };
}

/** @throws RevqError `hub-not-found`, `hub-denied`, `hub-busy`, `hub-connection`, `hub-answer` */
export async function readRepository(spec: HubSpec, access: HubAccess, signal?: AbortSignal): Promise<HubRepository> {
  const { datasetInfo, listFiles, modelInfo } = await import("@huggingface/hub");
  const shared = { hubUrl: access.endpoint, fetch: authorizedFetch(access, signal) };
  try {
    const wanted = { ...shared, name: spec.repository, revision: spec.revision, additionalFields: ["sha" as const] };
    const { sha: commit } = await (spec.kind === "dataset" ? datasetInfo(wanted) : modelInfo(wanted));
    if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error(`the commit is "${commit}"`);
    const files: HubFile[] = [];
    const repo = { type: spec.kind ?? "model", name: spec.repository } as const;
    for await (const entry of listFiles({ ...shared, repo, revision: commit, recursive: true })) {
      if (entry.type !== "file") continue;
      const hash = entry.lfs
        ? ({ algorithm: "sha256", hex: entry.lfs.oid } as const)
        : ({ algorithm: "git-sha1", hex: entry.oid ?? "" } as const);
      const digits = hash.algorithm === "sha256" ? 64 : 40;
      if (!new RegExp(`^[0-9a-f]{${digits}}$`).test(hash.hex) || !Number.isSafeInteger(entry.size)) {
        throw new Error(`the entry of ${entry.path} has no usable hash or size`);
      }
      checkPath(entry.path);
      files.push({ path: entry.path, size: entry.size, hash });
    }
    return { commit, files };
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw hubError(spec, access, cause);
  }
}

export function fileUrl({ endpoint }: HubAccess, repository: string, commit: string, path: string): string {
  return `${endpoint}/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The files that a spec names, by their names relative to it. A single file keeps its own name. */
export function selectFiles<File extends { readonly path: string }>(
  spec: HubSpec,
  files: readonly File[],
): ReadonlyMap<string, File> {
  const whole = files.find(({ path }) => path === spec.path);
  if (whole) return new Map([[spec.path.split("/").at(-1)!, whole]]);
  const start = spec.path ? `${spec.path}/` : "";
  const below = files.filter(({ path }) => path.startsWith(start));
  if (below.length > 0) return new Map(below.map((file) => [file.path.slice(start.length), file]));
  throw noSuchFile(
    spec,
    spec.path,
    files.map(({ path }) => path),
  );
}

/** The file of that name in the folder of the single file that a spec names. */
export function fileBeside<File extends { readonly path: string }>(
  spec: HubSpec,
  name: string,
  files: readonly File[],
): File | undefined {
  const isFile = files.some(({ path }) => path === spec.path);
  const wanted = spec.path.slice(0, spec.path.lastIndexOf("/") + 1) + name;
  return isFile ? files.find(({ path }) => path === wanted) : undefined;
}

export function noSuchFile(spec: HubSpec, wanted: string, names: readonly string[]): RevqError {
  return unknownFile(spec.spec, wanted, names, "Name another file, revision or repository.");
}

/** Refuses names that would lead out of a folder: names from the network become paths. */
function checkPath(path: string): void {
  if (path.split("/").some((piece) => piece === "" || piece === "." || piece === "..") || /[\\:\0]/.test(path)) {
    throw new RevqError("hub-answer", `The hub lists a file named "${path}", which is not a path below a folder.`, {
      fix: "Do not use this repository.",
    });
  }
}

/** True when the hub could not be reached at all. A copy in the cache may then be used. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof RevqError && error.code === "hub-connection";
}

/** Turns an error of `@huggingface/hub` or of `fetch` into a `RevqError`. */
export function hubError({ spec, repository, revision, kind }: HubSpec, access: HubAccess, cause: unknown): unknown {
  if (cause instanceof RevqError) return cause;
  const status = (cause as { statusCode?: number }).statusCode;
  const where = access.endpoint === defaultEndpoint ? "the Hugging Face hub" : access.endpoint;
  if (status === undefined) {
    if (cause instanceof TypeError || (cause as { name?: string }).name === "TimeoutError") {
      return new RevqError("hub-connection", `${where} cannot be reached for ${spec} (${reason(cause)}).`, {
        fix: `Check the network and HF_ENDPOINT. Or download it elsewhere (hf download ${repository}${kind ? " --repo-type dataset" : ""}), then copy the cache or give the folder's path.`,
        cause,
      });
    }
    return new RevqError("hub-answer", `${where} gave an unusable answer for ${spec}: ${reason(cause)}.`, {
      fix: "Try again later. Check HF_ENDPOINT if it is set.",
      cause,
    });
  }
  if (status === 401 || status === 403) {
    return new RevqError(
      "hub-denied",
      `${where} does not give access to ${repository} (${status})${access.token ? " with this token" : ""}: it is private, gated or does not exist.`,
      {
        fix: access.token
          ? "Check its name, accept its terms on its page, and check that the token may read it."
          : "Check its name, accept its terms on its page, and set HF_TOKEN.",
        cause,
      },
    );
  }
  if (status === 404) {
    return new RevqError("hub-not-found", `${where} has no ${repository} at revision ${revision} (404).`, {
      fix: "Check the owner, the name and the revision.",
      cause,
    });
  }
  return new RevqError(
    status === 429 || status >= 500 ? "hub-busy" : "hub-answer",
    `${where} answered ${status} for ${spec}.`,
    { fix: status === 429 ? "The hub limits requests: wait a minute, or set HF_TOKEN." : "Try again later.", cause },
  );
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
