/**
 * Images in archives as an `ImageSource`: WebDataset's tar shards and Parquet files with an image column (as data sets on the Hugging
 * Face hub have them), on disk or behind URLs. A spec is one file, a folder of them, or WebDataset's braces: `train-{0000..0146}.tar`.
 */
import { RevqError, type ByteSource } from "@revq/core";
import { fromUrl, indexTar } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { centreCrop } from "../pixels/crop.js";
import { decodeImage, defaultPixelLimit } from "./decode.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";
import type { OpenImagesOptions } from "./open-images.js";
import { openParquetImages } from "./parquet.js";

/** One image in an archive: its bytes are read when they are needed. */
export interface ArchivedImage {
  readonly name: string;
  /** Of the image, or of the whole file where that is not known without reading it. */
  readonly bytes: number;
  read(): Promise<Uint8Array>;
}

const archiveName = /\.(tar|parquet)$/i;
/** A file of more bytes is no image: reading it would only fill the memory. */
const largestFile = 2 ** 29;
const imageName = /\.(jpe?g|jpe|jfif|png|webp)$/i;

/** The archives that a spec names; null when it names none. Throws `archives-mixed`, `archives-braces`. */
export async function findArchives(spec: string): Promise<string[] | null> {
  if (archiveName.test(spec)) return expandBraces(spec);
  if (/^https?:/i.test(spec)) {
    throw new RevqError("data-url", `${spec} names no .tar and no .parquet file.`, {
      fix: "Behind URLs revq reads WebDataset shards (.tar) and Parquet files; other images must be downloaded first.",
    });
  }
  const entries = await readdir(spec).catch(() => []);
  const archives = entries.filter((name) => archiveName.test(name) && !name.startsWith(".")).sort();
  // A folder of images with one archive among them is a folder of images.
  if (archives.length === 0 || entries.some((name) => imageName.test(name))) return null;
  return archives.map((name) => join(spec, name));
}

export async function openArchives(
  spec: string,
  paths: readonly string[],
  { size, limit, concurrency = Math.min(8, availableParallelism()) }: OpenImagesOptions,
): Promise<IndexedImageSource> {
  const kinds = new Set(paths.map((path) => archiveName.exec(path)![1]!.toLowerCase()));
  if (kinds.size > 1) {
    throw new RevqError("archives-mixed", `${spec} holds both .tar and .parquet files.`, { fix: "Name one kind." });
  }
  const images = new Map<string, ArchivedImage>();
  for (const path of paths) {
    const source = await openBytes(path);
    const found = kinds.has("tar") ? tarImages(source, shortName(path)) : openParquetImages(source, shortName(path));
    for await (const image of found) {
      images.set(image.name, image);
      if (images.size === limit) break;
    }
    if (images.size === limit) break;
  }
  if (images.size === 0) {
    throw new RevqError("data-no-images", `${spec} holds no jpeg, png or webp images.`, {
      fix: "In a tar the images' names must end in .jpg, .jpeg, .png or .webp.",
    });
  }
  return imageList({
    description: spec,
    size,
    names: [...images.keys()],
    concurrency,
    sizeOf: async (name) => images.get(name)!.bytes,
    make: async (name) => centreCrop(await decodeImage(await images.get(name)!.read(), defaultPixelLimit), size),
  });
}

async function* tarImages(source: ByteSource, archive: string): AsyncGenerator<ArchivedImage> {
  for await (const { name, offset, size } of indexTar(source)) {
    if (!imageName.test(name)) continue;
    const read = async (): Promise<Uint8Array> => {
      if (size > largestFile) throw new Error(`its ${size} bytes are more than an image has`);
      return source.read(offset, size);
    };
    yield { name: `${archive}/${name}`, bytes: size, read };
  }
}

function openBytes(path: string): Promise<ByteSource> {
  return /^https?:/i.test(path) ? fromUrl(path) : fromFile(path);
}

/** The last part of a path or URL. */
function shortName(path: string): string {
  return decodeURIComponent(path.split(/[/\\]/).at(-1)!.split("?")[0]!);
}

/** `a-{08..11}.tar` -> a-08.tar, a-09.tar, …: numbers keep the width of the first. */
export function expandBraces(spec: string): string[] {
  const match = /^(.*)\{(\d+)\.\.(\d+)\}(.*)$/.exec(spec);
  if (!match) return [spec];
  const [, before, first, last, after] = match as unknown as [string, string, string, string, string];
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > 1_000_000) {
    throw new RevqError("archives-braces", `${spec}: {${first}..${last}} is no range of files.`, {
      fix: "For example train-{0000..0146}.tar.",
    });
  }
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, "0")).flatMap(
    (number) => expandBraces(`${before}${number}${after}`),
  );
}
