/** The file of an image that the page knows by its address. */
import { RevqError } from "@revq/core";
import type { ImageEntry } from "../state.js";

/** @throws RevqError `image-missing` */
export async function fetchImage({ url, name }: ImageEntry, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(url, { signal });
  if (response.ok) return response.blob();
  throw new RevqError("image-missing", `The image ${name} could not be fetched (${response.status}).`, {
    fix: "Was it removed? Reload the page.",
  });
}
