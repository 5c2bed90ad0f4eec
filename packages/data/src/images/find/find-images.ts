/** Finds the images of all places and tells everything else that is there. */
import { isRevqError, RevqError, type ByteSource } from "@revq/core";
import { fromUrl } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { arrowReason, kindByContent, kindByName, packedReason, type FileKind } from "./file-kind.js";
import { findings, type Findings, type FoundImage } from "./findings.js";
import { labelsOf } from "./labels.js";
import { pathText, readHead, systemReason, type LocalPath } from "./local-path.js";
import { findParquetImages } from "../archives/parquet-images.js";
import type { ReadBeside } from "../archives/parquet-row.js";
import type { LocalPlace, Place, UrlPlace } from "./place.js";
import { whatIsTaken } from "./places.js";
import { otherImage, rawReason, signatureLength, sniffFormat, tarHeaderLength } from "../sniff.js";
import { findTarImages, packed } from "../archives/tar-images.js";
import { walkFolder } from "./walk-folder.js";

export interface FindOptions {
  readonly limit?: number | undefined;
  readonly skipBroken?: boolean | undefined;
}

/** A file to look into. */
interface FileToRead {
  readonly label: string;
  /** Null: it shows when the file is opened. */
  readonly kind: FileKind | null;
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
    if (place.type === "missing") found.skip(label, place.error.message);
    else if (place.type === "url") push(place.url, urlFile(place, label));
    else if (place.type === "file") push(place.parts.join("/"), localFile(place, label));
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

function localFile({ path, named }: LocalPlace, label: string): FileToRead {
  const kind = kindByName(pathText(path));
  const known = kind !== "other" && kind !== "other-image";
  return { label, kind: known ? kind : null, named, path, open: () => fromFile(path) };
}

async function kindInside({ label, kind, open }: FileToRead): Promise<FileKind> {
  if (kind !== null) return kind;
  const source = await open();
  const content = kindByContent(await source.read(0, Math.min(tarHeaderLength, source.size)));
  return content === "other" ? kindByName(label) : content;
}

function urlFile({ url, named, fetch }: UrlPlace, label: string): FileToRead {
  let opened: Promise<ByteSource> | null = null;
  const open = (): Promise<ByteSource> => (opened ??= fromUrl(url, fetch ? { fetch } : {}));
  const kind = kindByName(label);
  // Of the other files in a data set, those with an extension are what it says.
  const known = kind !== "other" || (!named && /\.\w+$/.test(label));
  return { label, kind: known ? kind : null, named, path: null, open };
}

async function findInFile(file: FileToRead, found: Findings): Promise<void> {
  const { label, named, path, open } = file;
  const kind = await kindInside(file);
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
  if (!named && kind === "other") return found.passOver();
  if (!named && kind === "packed") return found.skip(label, packedReason);
  const name = path === null ? label : pathText(path);
  if (kind === "packed") throw packed(name, null);
  if (kind === "arrow" && named) {
    throw new RevqError("data-arrow", `${name} is an Arrow file, as datasets.save_to_disk writes it; it is not read.`, {
      fix: 'In Python: datasets.load_from_disk(FOLDER).to_parquet("images.parquet"). Then name that file.',
      setting: { path: "data.train" },
    });
  }
  const reason = kind === "raw" ? rawReason : kind === "arrow" ? arrowReason : otherImage(await lookOf(open));
  if (!named) return found.skip(label, reason);
  throw new RevqError(path === null ? "data-url" : "data-not-images", `${name} holds no images: ${reason}.`, {
    fix: whatIsTaken,
    setting: { path: "data.train" },
  });
}

async function lookOf(open: () => Promise<ByteSource>): Promise<string> {
  const source = await open();
  const content = sniffFormat(await source.read(0, Math.min(signatureLength, source.size)));
  return "looksLike" in content ? content.looksLike : content.format;
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

function urlImage({ label, named, open }: FileToRead): FoundImage {
  const all = async (): Promise<Uint8Array> => {
    const source = await open();
    return source.read(0, source.size);
  };
  return { name: label, named, size: async () => (await open()).size, read: all };
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
