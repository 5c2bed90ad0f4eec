/** Finds the images of all places and tells everything else that is there. */
import { isRevqError, RevqError, type ByteSource } from "@revq/core";
import { fromUrl } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { keyOf, stemOf, type BesideImage } from "../beside.js";
import { textOf } from "../text-of.js";
import { arrowFix, kindByName, kindOf, reasonOf, type FileKind } from "./file-kind.js";
import { findings, type Findings } from "./findings.js";
import type { FoundImage } from "./found-image.js";
import { labelsOf } from "./labels.js";
import { fileImage, type LocalFolder } from "./local-image.js";
import { pathIn, pathText, type LocalPath } from "./local-path.js";
import { findParquetImages } from "../archives/parquet-images.js";
import type { ReadBeside } from "../archives/parquet-row.js";
import type { LocalPlace, Place, UrlPlace } from "./place.js";
import { whatIsTaken } from "./places.js";
import { tarHeaderLength } from "../signatures.js";
import { findTarImages, packed } from "../archives/tar-images.js";
import { nameOf, walkFolder, type WalkedFile } from "./walk-folder.js";

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
  readonly beside?: BesideImage;
  open(): Promise<ByteSource>;
}

/** Images of a folder with nothing beside them. There may be millions. */
interface FolderFiles {
  readonly folder: LocalFolder;
  readonly labels: string[];
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
    if ("folder" in file) {
      found.addFiles(file.folder, file.labels, places.length === 1);
      continue;
    }
    try {
      await findInFile(file, found);
    } catch (error) {
      if (!isRevqError(error)) throw error;
      if (!skipBroken) throw files.length > 1 ? skippable(error) : error;
      found.skip(file.label, error.message);
    }
  }
  return found;
}

/** The same error, which says that its archive can be left out. */
export function skippable(error: RevqError): RevqError {
  const { code, message, fix, setting } = error;
  if (setting !== undefined || !/^(tar|parquet)-/.test(code)) return error;
  return new RevqError(code, message, {
    fix: [fix, "To go on without it, skip broken archives."].filter(Boolean).join(" "),
    setting: { path: "data.skipBroken", value: true },
    cause: error,
  });
}

async function filesOf(all: readonly Place[], found: Findings): Promise<(FileToRead | FolderFiles)[]> {
  const places = all.filter((place) => place.type !== "hidden");
  for (const { type, parts } of all) if (type === "hidden") found.hide(parts.join("/"));
  const labels = labelsOf(places);
  const only = places.length === 1;
  const files: (FileToRead | FolderFiles)[] = [];
  const seen = new Set<string>();
  const repeated = new Set<string>();
  function isNew(id: string): boolean {
    if (only) return true;
    if (seen.has(id)) repeated.add(id);
    else seen.add(id);
    return !repeated.has(id);
  }
  for (const [i, place] of places.entries()) {
    const label = labels[i]!;
    if (place.type === "missing") found.skip(label, place.error.message);
    else if (place.type === "url") {
      if (isNew(place.url)) files.push(urlFile(place, label));
    } else if (place.type === "file") {
      if (isNew(place.parts.join("/"))) files.push(localFile(place, label));
    } else {
      const prefix = only ? "" : `${label}/`;
      const walked = await walkFolder(place.path);
      const id = place.parts.join("/");
      const folder = { path: place.path as string, prefix };
      let run: FolderFiles | null = null;
      for (const file of walked.files) {
        const name = nameOf(file);
        if (!isNew(`${id}/${name}`)) continue;
        const beside = walked.texts.size > 0 ? textsBeside(walked.texts, name) : {};
        if (typeof file === "string" && Object.keys(beside).length === 0) {
          if (!run) files.push((run = { folder, labels: [] }));
          run.labels.push(prefix + name);
        } else {
          run = null;
          files.push(walkedFile(file, folder, beside));
        }
      }
      for (const { name, reason } of walked.skipped) found.skip(prefix + name, reason);
      found.passOver(walked.passedOver);
    }
  }
  const { size } = repeated;
  if (size > 0) found.note(`${size} ${size === 1 ? "file is" : "files are"} named more than once. Each is read once.`);
  return files;
}

function walkedFile(file: string | WalkedFile, folder: LocalFolder, beside: BesideImage): FileToRead {
  const { name, path, kind } =
    typeof file === "string" ? { name: file, path: pathIn(folder.path, file), kind: "image" as const } : file;
  return { label: folder.prefix + name, kind, named: false, path, beside, open: () => fromFile(path) };
}

function localFile({ path, named }: LocalPlace, label: string): FileToRead {
  const kind = kindByName(pathText(path));
  const known = kind !== "other" && kind !== "other-image";
  return { label, kind: known ? kind : null, named, path, open: () => fromFile(path) };
}

async function headOf(open: FileToRead["open"]): Promise<Uint8Array> {
  const source = await open();
  return source.read(0, Math.min(tarHeaderLength, source.size));
}

function urlFile({ url, named, fetch }: UrlPlace, label: string): FileToRead {
  let opened: Promise<ByteSource> | null = null;
  const open = (): Promise<ByteSource> => (opened ??= fromUrl(url, fetch ? { fetch } : {}));
  const kind = kindByName(label);
  // Of the other files in a data set, those with an extension that means something are what it says.
  const known = kind !== "other" || (!named && /\.(?!(bin|dat|data|img)$)\w+$/i.test(label));
  return { label, kind: known ? kind : null, named, path: null, open };
}

async function findInFile(file: FileToRead, found: Findings): Promise<void> {
  const { label, named, path, open, beside } = file;
  const kind = file.kind ?? kindOf(label, await headOf(open));
  if (kind === "image")
    return found.add(
      path === null ? urlImage(file) : fileImage(path, { name: label, named, ...(beside && { beside }) }),
    );
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
  const reason = reasonOf(kind, kind === "packed" || kind === "raw" ? new Uint8Array(0) : await headOf(open), label);
  if (!named) return found.skip(label, reason);
  const name = path === null ? label : pathText(path);
  if (kind === "packed") throw packed(name, null);
  if (kind === "arrow") {
    throw new RevqError("data-arrow", `${name} is an Arrow file, as datasets.save_to_disk writes it; it is not read.`, {
      fix: arrowFix,
      setting: { path: "data.train" },
    });
  }
  throw new RevqError(path === null ? "data-url" : "data-not-images", `${name} holds no images: ${reason}.`, {
    fix: whatIsTaken,
    setting: { path: "data.train" },
  });
}

/** The files `.cls` and `.txt` of an image's stem, else of its key: `a.1.txt`, else `a.txt`, belongs to `a.1.jpg`. */
function textsBeside(texts: ReadonlyMap<string, LocalPath>, name: string): BesideImage {
  const [cls, txt] = ["cls", "txt"].map((extension) =>
    [stemOf(name), keyOf(name)].map((base) => texts.get(`${base}.${extension}`)).find((path) => path !== undefined),
  );
  return {
    ...(cls === undefined ? {} : { cls: async () => textOf(await readFile(cls)) }),
    ...(txt === undefined ? {} : { txt: async () => textOf(await readFile(txt)) }),
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
