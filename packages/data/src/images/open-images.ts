/** Opens the images that the user named: folders, files, archives, URLs, or a procedural source. */
import { isRevqError, RevqError } from "@revq/core";
import { availableParallelism } from "node:os";
import { decodeImage, defaultPixelLimit } from "./decode.js";
import { arrowFix, arrowReason } from "./find/file-kind.js";
import { findImages, skippable } from "./find/find-images.js";
import type { Findings } from "./find/findings.js";
import type { FoundImage } from "./find/found-image.js";
import type { OpenImagesOptions } from "./image-options.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";
import { systemReason } from "./find/local-path.js";
import type { Place } from "./find/place.js";
import { placesOf, whatIsTaken } from "./find/places.js";
import { imageFormat, imageFormats, otherImage, whatItIs } from "./sniff.js";
import { isLatentStore } from "../store/read.js";
import { openSynthetic, syntheticPrefix } from "./synthetic.js";

/**
 * Every image has a name that is unique in its source: as much of its path as tells the images apart.
 * Members of archives and rows of tables come in their order, everything else by path in bytes.
 * @param spec one or several of: a folder with images and archives at any depth; an image file
 * (jpeg, png, webp, avif, gif, tiff); a `.tar` or `.parquet` file; an http(s) URL of such a file; a pattern such as
 * `train-{0000..0146}.tar` or `data/*.parquet`. Or `synthetic:dead-leaves` alone
 * @throws RevqError `data-*`, `archive-*`, `archives-braces`, `tar-*`, `parquet-*`, `file-*`, `url-*`
 */
export async function openImages(
  spec: string | readonly string[],
  options: OpenImagesOptions,
): Promise<IndexedImageSource> {
  const specs = typeof spec === "string" ? [spec] : spec;
  requirePositive("The image size", options.size, "data.imageSize");
  if (options.limit !== undefined) requirePositive("The limit", options.limit, "data.limit");
  const synthetic = specs.find((one) => one.startsWith(syntheticPrefix));
  if (synthetic !== undefined && specs.length === 1) {
    const { size, seed, limit } = options;
    return openSynthetic(synthetic, {
      size,
      ...(seed === undefined ? {} : { seed }),
      ...(limit === undefined ? {} : { count: limit }),
    });
  }
  if (synthetic !== undefined || specs.length === 0) {
    throw new RevqError(
      "data-not-taken",
      `${synthetic ?? "Nothing"} was named${synthetic ? " beside other images" : ""}.`,
      {
        fix: synthetic ? "Name procedural images alone." : whatIsTaken,
        setting: { path: "data.train" },
      },
    );
  }
  const description = specs.length === 1 ? specs[0]! : `${specs.length} sources (${specs[0]!}, …)`;
  const places: Place[] = [];
  for (const one of specs) places.push(...(await placesOf(one, options.skipBroken)));
  return openPlaces(description, places, options);
}

/** @throws RevqError as `openImages` */
export async function openPlaces(
  description: string,
  places: readonly Place[],
  options: OpenImagesOptions,
): Promise<IndexedImageSource> {
  const { size, limit, skipBroken, pixelLimit = defaultPixelLimit } = options;
  await refuseStores(places);
  const found = await findImages(places, { limit, skipBroken });
  await requireNamedImages(found);
  await requireOneImage(description, found);
  const { images } = found;
  return imageList({
    description,
    size,
    names: images.names,
    skipped: found.skipped,
    passedOver: found.passedOver,
    notes: [...found.notes, ...noteTables(found)],
    concurrency: options.concurrency ?? Math.min(8, availableParallelism()),
    besideOf: (index) => images.at(index).beside ?? {},
    sizeOf: async (index) => images.at(index).size(),
    load: async (index) => {
      const image = images.at(index);
      try {
        return await decodeImage(await image.read(), pixelLimit, image.name);
      } catch (cause) {
        if (isRevqError(cause) && !(skipBroken && image.named !== true)) throw skippable(cause);
        if (image.named) throw unreadable(image.name, cause);
        throw cause instanceof RevqError ? new Error(cause.message, { cause }) : cause;
      }
    },
  });
}

/** @throws RevqError `data-is-latents` for the folder of a latent store */
async function refuseStores(places: readonly Place[]): Promise<void> {
  for (const place of places) {
    if (place.type !== "folder" || !place.named || typeof place.path !== "string") continue;
    if (!(await isLatentStore(place.path))) continue;
    throw new RevqError("data-is-latents", `${place.path} is a store of latents; images were expected.`, {
      fix: "Name it as latents.",
      setting: { path: "data.latents", value: place.path },
    });
  }
}

function noteTables({ tables }: Findings): string[] {
  const [first] = tables;
  if (!first) return [];
  return [
    tables.length === 1
      ? `${first.name} holds no images; it was passed over.`
      : `${tables.length} Parquet files hold no images and were passed over, such as ${first.name}.`,
  ];
}

/** Images that the user named are looked at before anything long begins. */
async function requireNamedImages({ images }: Findings): Promise<void> {
  for (const image of images) {
    if (!image.named || !image.head) continue;
    const head = await Promise.resolve(image.head()).catch((error: unknown) => {
      throw unreadable(image.name, new Error(systemReason(error)));
    });
    if (imageFormat(head) === null) throw unreadable(image.name, new Error(otherImage(whatItIs(head, image.name))));
  }
}

/** Fails early when no candidate begins like an image. */
async function requireOneImage(description: string, found: Findings): Promise<void> {
  let wrong = "";
  for (const image of found.images) {
    const looksLike = await looksLikeInstead(image);
    if (looksLike === null) return;
    wrong ||= `${image.name}: ${looksLike}`;
  }
  const { images, skipped, passedOver, tables } = found;
  const isArrow = images.length === 0 && skipped.length > 0 && skipped.every(({ reason }) => reason === arrowReason);
  const others = [
    images.length ? `${images.length} named like images, but with other content (${wrong})` : "",
    skipped.length ? `${skipped.length} of other kinds (${skipped[0]!.name}: ${skipped[0]!.reason})` : "",
    passedOver ? `${passedOver} that are not images${tables[0] ? ` (${tables[0].reason})` : ""}` : "",
  ].filter(Boolean);
  throw new RevqError(
    "data-no-images",
    `${description} holds no readable image. Files found: ${others.join(", ") || "none"}.`,
    {
      fix: isArrow
        ? arrowFix
        : `Name ${imageFormats} images: a folder of them, files, or .tar and .parquet files with them.`,
    },
  );
}

/** Null for an image, or where it is not known yet. */
async function looksLikeInstead(image: FoundImage): Promise<string | null> {
  if (!image.head || image.named) return null;
  try {
    const head = await image.head();
    return imageFormat(head) === null ? whatItIs(head, image.name).what : null;
  } catch (error) {
    return (error as Error).message;
  }
}

function unreadable(name: string, cause: unknown): RevqError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RevqError("image-unreadable", `The image ${name} cannot be read: ${reason}.`, {
    fix: `Name ${imageFormats} files.`,
    cause,
  });
}

function requirePositive(what: string, value: number, path: string): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new RevqError("data-options", `${what} must be a positive integer, got ${value}.`, { setting: { path } });
}
