/**
 * Puts files into a repository of the hub as one commit, through `@huggingface/hub`: the hub says which files are
 * large, those go to its storage by their SHA-256, and the commit names them.
 */
import { RevqError, type ReportProgress } from "@revq/core";
import { pathToFileURL } from "node:url";
import { parseHubSpec, type HubSpec } from "../../hub/spec.js";
import { hubSettings, type HubSettings } from "./settings.js";
import { uploadError } from "./upload-error.js";

export interface FileToUpload {
  /** Path in the repository. */
  readonly path: string;
  /** A text, or a file on disk, which is read as it is sent. */
  readonly content: string | { readonly file: string };
}

export interface UploadOptions {
  /** First line of the commit. */
  readonly title: string;
  /** Makes a repository that does not exist private. Default false. */
  readonly isPrivate?: boolean;
  readonly report?: ReportProgress;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
  /** Values of `HF_TOKEN`, `HF_ENDPOINT` and others. Default: `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Upload {
  /** The page of the repository. */
  readonly url: string;
  /** The new commit. */
  readonly commit: string;
  /** The repository did not exist before. */
  readonly created: boolean;
}

/**
 * Files of the repository with other names stay.
 *
 * @param spec `hf:owner/name` or `hf:owner/name@branch`
 * @throws RevqError `hub-spec`, `hub-token`, `hub-denied`, `hub-not-found`, `hub-busy`, `hub-connection`, `hub-answer`
 */
export async function uploadToHub(
  text: string,
  files: readonly FileToUpload[],
  options: UploadOptions,
): Promise<Upload> {
  const spec = uploadSpec(text);
  const settings = await hubSettings(options.environment);
  const { token, endpoint } = settings;
  if (!token?.startsWith("hf_")) {
    const what = token === undefined ? "there is no token" : 'the token does not begin with "hf_"';
    throw new RevqError("hub-token", `The hub takes files for ${spec.repository} from its owner only: ${what}.`, {
      fix: "Set HF_TOKEN to a token that may write, or run `hf auth login`.",
    });
  }
  if (settings.offline) {
    throw new RevqError("hub-offline", "HF_HUB_OFFLINE forbids requests to the hub, so nothing can be uploaded.", {
      fix: "Unset HF_HUB_OFFLINE.",
    });
  }
  const fetch = options.fetch ?? globalThis.fetch;
  const shared = {
    hubUrl: endpoint,
    accessToken: token,
    fetch,
    repo: { type: "model", name: spec.repository },
  } as const;
  try {
    const created = await createIfMissing(shared, options.isPrivate ?? false);
    const commit = await commitFiles(shared, spec, files, options);
    return { url: `${endpoint}/${spec.repository}`, commit, created };
  } catch (cause) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw uploadError(spec, settings, cause);
  }
}

/** Throws `hub-spec` for a spec that names no whole repository of models. */
export function uploadSpec(text: string): HubSpec {
  const spec = parseHubSpec(text);
  if (spec.path === "" && !text.startsWith("hf:datasets/")) return spec;
  throw new RevqError("hub-spec", `"${text}" names a part of a repository. A tokenizer is a repository of its own.`, {
    fix: "Write hf:owner/name or hf:owner/name@branch.",
  });
}

/** Where `uploadToHub` would put files, and whether there is a token. Makes no request. */
export async function uploadTarget(
  text: string,
  environment?: UploadOptions["environment"],
): Promise<{ url: string; branch: string; hasToken: boolean }> {
  const { repository, revision } = uploadSpec(text);
  const { endpoint, token }: HubSettings = await hubSettings(environment);
  return { url: `${endpoint}/${repository}`, branch: revision, hasToken: token !== undefined };
}

interface Shared {
  readonly hubUrl: string;
  readonly accessToken: string;
  readonly fetch: typeof globalThis.fetch;
  readonly repo: { readonly type: "model"; readonly name: string };
}

/** Asks first: a token for one repository alone may not create any. */
async function createIfMissing(shared: Shared, isPrivate: boolean): Promise<boolean> {
  const { createRepo, repoExists } = await import("@huggingface/hub");
  if (await repoExists(shared)) return false;
  try {
    await createRepo({ ...shared, visibility: isPrivate ? "private" : "public" });
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 409) return false; // made since, or hidden from the question
    throw error;
  }
}

async function commitFiles(
  shared: Shared,
  { revision }: HubSpec,
  files: readonly FileToUpload[],
  { title, report, signal }: UploadOptions,
): Promise<string> {
  const { commitIter } = await import("@huggingface/hub");
  const operations = files.map(({ path, content }) => ({
    operation: "addOrUpdate" as const,
    path,
    content: typeof content === "string" ? new Blob([content]) : pathToFileURL(content.file),
  }));
  const events = commitIter({
    ...shared,
    title,
    branch: revision,
    operations,
    ...(signal ? { abortSignal: signal } : {}),
  });
  for (;;) {
    const { value, done } = await events.next();
    if (done) {
      if (value) return value.commit.oid;
      throw new Error("it named no commit");
    }
    if (value.event === "fileProgress" && value.state !== "error") {
      const detail = `${value.state} ${value.path}`;
      report?.({ phase: "upload", done: Math.round(100 * value.progress), total: 100, detail });
    }
  }
}
