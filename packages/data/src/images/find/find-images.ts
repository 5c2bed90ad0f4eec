/** Finds the images of all places and tells everything else that is there. */
import { isRevqError, RevqError, type ByteSource } from "@revq/core";
import { fromUrl } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { kindByContent, kindByName, packedReason, type FileKind } from "./file-kind.js";
import { findings, type Findings, type FoundImage } from "./findings.js";
import { labelsOf } from "./labels.js";
import { pathText, readHead, systemReason, type LocalPath } from "./local-path.js";
import { findParquetImages } from "../archives/parquet-images.js";
import type { ReadBeside } from "../archives/parquet-row.js";
import { whatIsTaken, type Place } from "./places.js";
import { sniffFormat, tarHeaderLength } from "../sniff.js";
import { findTarImages, packed } from "../archives/tar-images.js";
import { walkFolder } from "./walk-folder.js";

export interface FindOptions {
  readonly limit?: number | undefined;
  readonly skipBroken?: boolean | undefined;
}

/** A file to look into. */
interface FileToRead {
  readonly label: string;
  readonly kind: FileKind;
  readonly named: boolean;
  /** Null for a URL. */
  readonly path: LocalPath | null;
  open(): Promise<ByteSource>;
}

/** @throws RevqError `data-not-images`, `archive-packed`, `tar-*`, `parquet-*`, `file-*`, `url-*` */
export async function findImages(
  places: readonly Place[],
  { limit, skipBroken = false }: FindOptions,
): Promise<Findings> {
  const found = findings(limit);
  const files = await filesOf(places, found);
  for (const file of files) {
    if (found.full()) break;
    try {
      await findInFile(file, found);
    } catch (error) {
      if (!skipBroken || !isRevqError(error)) throw error;
      found.skip(file.label, error.message);
    }
  }
  return found;
}

async function filesOf(places: readonly Place[], found: Findings): Promise<FileToRead[]> {
  const labels = labelsOf(places);
  const only = places.length === 1;
  const files: FileToRead[] = [];
  const seen = new Set<string>();
  let repeated = 0;
  function push(id: string, file: FileToRead): void {
    if (seen.has(id)) repeated++;
    else files.push(file);
    seen.add(id);
  }
  for (const [i, place] of places.entries()) {
    const label = labels[i]!;
    if (place.type === "url") push(place.url, await urlFile(place.url, label));
    else if (place.type === "file") push(place.parts.join("/"), await localFile(place.path, label, place.named));
    else {
      const inside = (name: string): string => (only ? name : `${label}/${name}`);
      const walked = await walkFolder(place.path);
      for (const { path, name, kind } of walked.files) {
        push(`${place.parts.join("/")}/${name}`, {
          label: inside(name),
          kind,
          named: false,
          path,
          open: () => fromFile(path),
        });
      }
      for (const { name, reason } of walked.skipped) found.skip(inside(name), reason);
      found.passOver(walked.passedOver);
    }
  }
  if (repeated > 0)
    found.note(`${repeated} ${repeated === 1 ? "file is" : "files are"} named more than once. Each is read once.`);
  return files;
}

async function localFile(path: LocalPath, label: string, named: boolean): Promise<FileToRead> {
  const byName = kindByName(pathText(path));
  const kind =
    byName !== "other" && byName !== "other-image" ? byName : kindByContent(await readHead(path, tarHeaderLength));
  return { label, kind, named, path, open: () => fromFile(path) };
}

async function urlFile(url: string, label: string): Promise<FileToRead> {
  let opened: Promise<ByteSource> | null = null;
  const open = (): Promise<ByteSource> => (opened ??= fromUrl(url));
  const byName = kindByName(label);
  if (byName !== "other" && byName !== "other-image") return { label, kind: byName, named: true, path: null, open };
  const source = await open();
  const head = await source.read(0, Math.min(tarHeaderLength, source.size));
  return { label, kind: kindByContent(head), named: true, path: null, open };
}

async function findInFile(file: FileToRead, found: Findings): Promise<void> {
  const { label, kind, named, path, open } = file;
  if (kind === "image") return found.add(path === null ? urlImage(file) : localImage(path, label, named));
  if (kind === "tar") return findTarImages(await open(), label, found);
  if (kind === "parquet") {
    return findParquetImages(await open(), label, path === null ? null : readBeside(path), found).catch(
      (error: unknown) => {
        if (named || !isRevqError(error) || error.code !== "parquet-no-images") throw error;
        found.passOverTable(label, error.message);
      },
    );
  }
  if (!named) return kind === "packed" ? found.skip(label, packedReason) : found.passOver();
  const name = path === null ? label : pathText(path);
  if (kind === "packed") throw packed(name, null);
  const source = await open();
  const content = sniffFormat(await source.read(0, Math.min(16, source.size)));
  throw new RevqError(
    path === null ? "data-url" : "data-not-images",
    `${name} holds no images: it looks like ${"looksLike" in content ? content.looksLike : content.format}.`,
    { fix: whatIsTaken, setting: { path: "data.train" } },
  );
}

function localImage(path: LocalPath, name: string, named: boolean): FoundImage {
  return {
    name,
    named,
    size: () =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    head: () => readHead(path),
    read: () =>
      readFile(path).catch((error: unknown) => {
        throw new Error(systemReason(error), { cause: error });
      }),
  };
}

function urlImage({ label, open }: FileToRead): FoundImage {
  const all = async (): Promise<Uint8Array> => {
    const source = await open();
    return source.read(0, source.size);
  };
  return { name: label, named: true, size: async () => (await open()).size, read: all };
}

/** Files that a table names are read from the table's folder, not from outside it. */
function readBeside(table: LocalPath): ReadBeside | null {
  if (typeof table !== "string") return null;
  return async (name) => {
    const relative = normalize(name);
    if (isAbsolute(relative) || relative.startsWith("..")) return null;
    return readFile(join(dirname(table), relative)).catch(() => null);
  };
}
