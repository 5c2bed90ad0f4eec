/**
 * Images in archives as an `ImageSource`: WebDataset's tar shards, and Parquet files with an image
 * column as on the Hugging Face hub. The archives are on disk or behind URLs. A spec is one file, a
 * folder of them, or WebDataset's braces: `train-{0000..0146}.tar`.
 */
import { RevqError, type ByteSource } from "@revq/core";
import { fromUrl, indexTar } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { centreCrop } from "../pixels/crop.js";
import type { ArchivedImage } from "./archived-image.js";
import { decodeImage, defaultPixelLimit } from "./decode.js";
import type { OpenImagesOptions } from "./image-options.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";
import { parquetImages } from "./parquet.js";

/** Finds the images of an archive, by its extension. A new format goes here. */
const readers: Readonly<Record<string, (source: ByteSource, archive: string) => AsyncGenerator<ArchivedImage>>> = {
  tar: tarImages,
  parquet: parquetImages,
};
const archiveName = new RegExp(`\\.(${Object.keys(readers).join("|")})$`, "i");
/** Files with more bytes are not read: they are no images and would fill the memory. */
const maxImageBytes = 2 ** 29;
const imageName = /\.(jpe?g|jpe|jfif|png|webp)$/i;

/**
 * The archives that a spec names; null when it names none.
 * @throws RevqError `data-url`, `archives-braces`
 */
export async function findArchives(spec: string): Promise<string[] | null> {
  if (archiveName.test(spec)) return expandBraces(spec);
  if (/^https?:/i.test(spec)) {
    throw new RevqError("data-url", `${spec} names no .tar and no .parquet file.`, {
      fix: "Behind URLs only WebDataset shards (.tar) and Parquet files can be read. Download other images first.",
      setting: { path: "data.train" },
    });
  }
  const entries = await readdir(spec).catch(() => []);
  const archives = entries.filter((name) => archiveName.test(name) && !name.startsWith(".")).sort();
  // A folder with images in it is a folder of images, even with an archive among them.
  if (archives.length === 0 || entries.some((name) => imageName.test(name))) return null;
  return archives.map((name) => join(spec, name));
}

/** @throws RevqError `archives-mixed`, `data-no-images`, `tar-*`, `parquet-*`, `file-*`, `url-*` */
export async function openArchives(
  spec: string,
  paths: readonly string[],
  { size, limit, concurrency = Math.min(8, availableParallelism()) }: OpenImagesOptions,
): Promise<IndexedImageSource> {
  const kinds = new Set(paths.map((path) => archiveName.exec(path)![1]!.toLowerCase()));
  if (kinds.size > 1) {
    throw new RevqError("archives-mixed", `${spec} holds both .tar and .parquet files.`, {
      fix: "Name archives of one kind.",
    });
  }
  const [kind] = kinds;
  const images = new Map<string, ArchivedImage>();
  for (const path of paths) {
    const source = await openBytes(path);
    for await (const image of readers[kind!]!(source, shortName(path))) {
      images.set(image.name, image);
      if (images.size === limit) break;
    }
    if (images.size === limit) break;
  }
  if (images.size === 0) {
    throw new RevqError("data-no-images", `${spec} holds no jpeg, png or webp images.`, {
      fix: "In a .tar file the names of images must end in .jpg, .jpeg, .png or .webp.",
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
      if (size > maxImageBytes) throw new Error(`it has ${size} bytes, more than an image has`);
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

/** `a-{08..11}.tar` -> a-08.tar, a-09.tar, …. The numbers have as many digits as the first one. */
export function expandBraces(spec: string): string[] {
  const match = /^(.*)\{(\d+)\.\.(\d+)\}(.*)$/.exec(spec);
  if (!match) return [spec];
  const [, before, first, last, after] = match as unknown as [string, string, string, string, string];
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > 1_000_000) {
    throw new RevqError("archives-braces", `${spec}: {${first}..${last}} is not a range of files.`, {
      fix: "Write a range such as train-{0000..0146}.tar.",
    });
  }
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, "0")).flatMap(
    (number) => expandBraces(`${before}${number}${after}`),
  );
}
