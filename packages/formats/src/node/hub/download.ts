/**
 * Downloads one file of the hub into the cache. A partial file of an earlier download is continued,
 * and a broken connection is resumed. The content is checked against the hub's hash before the file
 * gets its name. Of two processes that want one file, the second waits.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RevqError, type ReportProgress } from "@revq/core";
import lockfile from "proper-lockfile";
import { authorizedFetch, fileUrl, hubError, type HubAccess, type HubFile } from "../../hub/repository.js";
import type { HubSpec } from "../../hub/spec.js";
import { fileError } from "../file-error.js";
import { makeFolder, type RepositoryCache } from "./cache.js";

export interface Download {
  readonly spec: HubSpec;
  readonly access: HubAccess;
  readonly cache: RepositoryCache;
  readonly commit: string;
  readonly file: HubFile;
  readonly report?: ReportProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds before a connection is resumed, by the number of failed tries. Tests shorten it.
   */
  readonly pause?: ((tries: number) => number) | undefined;
}

/** Consecutive tries without progress before a download fails. */
const maxTries = 5;
const stallSeconds = 30;
const defaultPause = (tries: number): number => Math.min(8000, 500 * 2 ** tries);

/**
 * Afterwards the snapshot has the file.
 * @throws RevqError `hub-*`, `download-*`, `disk-full`, `file-denied`
 */
export async function downloadFile(download: Download): Promise<void> {
  const { cache, commit, file } = download;
  if (await cache.has(commit, file)) return;
  const blob = cache.blob(file);
  await makeFolder(dirname(blob));
  const unlock = await lock(cache, file, download.signal);
  try {
    if ((await sizeOf(blob)) !== file.size) {
      const partial = `${blob}.incomplete`;
      const resumed = (await sizeOf(partial)) > 0;
      await fetchAll(download, partial);
      if (!(await isGenuine(download, partial))) {
        await rm(partial, { force: true });
        // The partial file of an earlier try may be damaged: start again from the beginning.
        if (resumed) await fetchAll(download, partial);
        if (!resumed || !(await isGenuine(download, partial))) {
          await rm(partial, { force: true });
          throw new RevqError(
            "download-hash",
            `${file.path} of ${download.spec.repository} does not have the hash that the hub lists (${file.hash.algorithm} ${file.hash.hex.slice(0, 12)}…).`,
            { fix: "Try again. If it fails again, a proxy or mirror changes files." },
          );
        }
      }
      await rename(partial, blob).catch((cause: unknown) => {
        throw fileError(blob, cause, "write");
      });
    }
    await cache.link(commit, file);
  } finally {
    await unlock();
  }
}

async function fetchAll(download: Download, partial: string): Promise<void> {
  const { file, signal, pause = defaultPause } = download;
  let tries = 0;
  for (;;) {
    signal?.throwIfAborted();
    const before = await sizeOf(partial);
    if (before === file.size) return;
    let failure: unknown;
    try {
      await fetchRest(download, partial, before > file.size ? 0 : before);
    } catch (error) {
      failure = error;
      if (signal?.aborted) throw signal.reason;
      if (!isTransient(error)) throw error;
    }
    const after = await sizeOf(partial);
    if (after === file.size) return;
    tries = after > before ? 1 : tries + 1;
    if (tries >= maxTries) {
      const why = failure instanceof Error ? ` (${failure.message.replace(/\.$/, "")})` : "";
      throw new RevqError(
        "download-cut",
        `${file.path} of ${download.spec.repository}: the connection broke ${maxTries} times; ${after} of ${file.size} bytes are stored${why}.`,
        { fix: "Run it again: the download continues where it stopped.", cause: failure },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause(tries)));
  }
}

/** Requests the bytes from `start` on and appends them to the partial file as they arrive. */
async function fetchRest(download: Download, partial: string, start: number): Promise<void> {
  const { spec, access, commit, file, signal } = download;
  const stall = new AbortController();
  const stop = signal ? AbortSignal.any([signal, stall.signal]) : stall.signal;
  let timer = setTimeout(() => {}, 0);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stall.abort(new DOMException(`nothing arrived for ${stallSeconds} s`, "TimeoutError"));
    }, stallSeconds * 1000);
  };
  alive();
  try {
    const response = await authorizedFetch(access)(fileUrl(access, spec.repository, commit, file.path), {
      headers: start > 0 ? { range: `bytes=${start}-` } : {},
      signal: stop,
    });
    if (response.status === 416) await rm(partial, { force: true }); // longer than the file, so not a part of it
    if (!response.ok) {
      await response.body?.cancel();
      throw Object.assign(new Error(`the server answered ${response.status}`), { statusCode: response.status });
    }
    const from = response.status === 206 ? rangeStart(response) : 0;
    if (from !== start && from !== 0) throw new TypeError(`the server sent bytes from ${from} instead of ${start}`);
    await append(download, partial, from, response, alive);
  } catch (cause) {
    throw isSystemError(cause) ? fileError(partial, cause, "write") : hubError(spec, access, cause);
  } finally {
    clearTimeout(timer);
  }
}

async function append(
  { spec, file, report }: Download,
  partial: string,
  from: number,
  response: Response,
  alive: () => void,
): Promise<void> {
  const handle = await open(partial, from === 0 ? "w" : "r+");
  const started = performance.now();
  let at = from;
  try {
    for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      alive();
      if (at + chunk.byteLength > file.size) {
        throw new RevqError(
          "download-size",
          `${file.path}: the server sends more than the ${file.size} bytes that the hub lists.`,
          { fix: "Try again. Check HF_ENDPOINT if it is set." },
        );
      }
      let written = 0;
      while (written < chunk.byteLength) {
        written += (await handle.write(chunk, written, chunk.byteLength - written, at + written)).bytesWritten;
      }
      at += chunk.byteLength;
      const speed = (at - from) / 1e6 / Math.max(0.001, (performance.now() - started) / 1000);
      report?.({
        phase: `download ${spec.repository} ${file.path} (MB)`,
        done: Math.floor(at / 1e6),
        total: Math.max(1, Math.floor(file.size / 1e6)),
        detail: `${speed.toFixed(1)} MB/s`,
      });
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * True when the content has the size and the hash that the hub lists. Git hashes `blob SIZE\0` and
 * the content.
 */
async function isGenuine({ file, report }: Download, path: string): Promise<boolean> {
  if ((await sizeOf(path)) !== file.size) return false;
  const hash = createHash(file.hash.algorithm === "sha256" ? "sha256" : "sha1");
  if (file.hash.algorithm === "git-sha1") hash.update(`blob ${file.size}\0`);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).byteLength;
    report?.({
      phase: `check ${file.path} (MB)`,
      done: Math.floor(done / 1e6),
      total: Math.max(1, Math.floor(file.size / 1e6)),
    });
  }
  return hash.digest("hex") === file.hash.hex;
}

/** Waits for the lock of a file. The lock of a killed process expires after ten seconds. */
async function lock(
  cache: RepositoryCache,
  { hash }: HubFile,
  signal: AbortSignal | undefined,
): Promise<() => Promise<void>> {
  await makeFolder(cache.locks);
  const path = join(cache.locks, `${hash.hex}.revq`);
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await lockfile.lock(path, { realpath: false, stale: 10_000, update: 2000 });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ELOCKED") throw fileError(path, cause, "write");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
}

const isTransient = (error: unknown): boolean =>
  error instanceof RevqError && (error.code === "hub-connection" || error.code === "hub-busy");

const isSystemError = (cause: unknown): boolean => {
  const syscall = (cause as { syscall?: string } | undefined)?.syscall;
  return syscall === "write" || syscall === "open" || syscall === "fsync";
};
