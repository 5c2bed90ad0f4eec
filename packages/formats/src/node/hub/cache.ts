/**
 * The cache on disk that the tools of the hub share (`huggingface_hub`, transformers, diffusers).
 * `models--owner--name/blobs/HASH` holds contents, `snapshots/COMMIT/PATH` links to them, and
 * `refs/REVISION` is a file with a commit.
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
import { copyFile, mkdir, readdir, readFile, realpath, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { HubFile } from "../../hub/repository.js";
import { fileError } from "../file-error.js";
import { writeFileAtomic } from "../write-file-atomic.js";

export class RepositoryCache {
  readonly root: string;
  /** For lock files: `.locks` beside the repositories, as in `huggingface_hub`. */
  readonly locks: string;

  constructor(cache: string, repository: string, kind: "model" | "dataset" = "model") {
    const folder = `${kind}s--${repository.replace("/", "--")}`;
    this.root = join(cache, folder);
    this.locks = join(cache, ".locks", folder);
  }

  blob({ hash }: Pick<HubFile, "hash">): string {
    return join(this.root, "blobs", hash.hex);
  }

  snapshot(commit: string, path = ""): string {
    return join(this.root, "snapshots", commit, ...path.split("/"));
  }

  /** The commit of a revision when it was last requested. The commit of a commit is itself. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    const text = await readFile(join(this.root, "refs", ...revision.split("/")), "utf8").catch(() => "");
    const commit = text.trim();
    return /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
  }

  async setRevision(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    const path = join(this.root, "refs", ...revision.split("/"));
    await makeFolder(dirname(path));
    await writeFileAtomic(path, commit);
  }

  /** The complete files of a commit. */
  async filesOf(commit: string): Promise<{ path: string; size: number }[]> {
    const root = this.snapshot(commit);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const files: { path: string; size: number }[] = [];
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const target = await stat(path).catch(() => undefined);
      if (target?.isFile()) files.push({ path: relative(root, path).split("\\").join("/"), size: target.size });
    }
    return files;
  }

  /** True when the snapshot has the file with that size. */
  async has(commit: string, { path, size }: Pick<HubFile, "path" | "size">): Promise<boolean> {
    const found = await stat(this.snapshot(commit, path)).catch(() => undefined);
    return found?.isFile() === true && found.size === size;
  }

  /**
   * Links the snapshot's path to the blob. The link is relative, so the cache can be moved. Where
   * links are not allowed (Windows), it is a copy.
   */
  async link(commit: string, file: HubFile): Promise<void> {
    const path = this.snapshot(commit, file.path);
    const blob = this.blob(file);
    await makeFolder(dirname(path));
    const current = await realpath(path).catch(() => undefined);
    if (current !== undefined && current === (await realpath(blob))) return;
    await rm(path, { force: true });
    try {
      await symlink(relative(dirname(path), blob), path);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "EEXIST") return;
      if (code !== "EPERM" && code !== "ENOSYS" && code !== "ENOTSUP") throw fileError(path, cause, "write");
      await copyFile(blob, path).catch((error: unknown) => {
        throw fileError(path, error, "write");
      });
    }
  }
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw fileError(path, cause, "write");
  });
}
