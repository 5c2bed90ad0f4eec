/** Image files of this machine. */
import { readFile, stat } from "node:fs/promises";
import { tarHeaderLength } from "../signatures.js";
import type { FoundImage } from "./found-image.js";
import { pathIn, readHead, systemReason, type LocalPath } from "./local-path.js";

/** A folder whose images are named by what stands before them and their relative path. */
export interface LocalFolder {
  readonly path: string;
  readonly prefix: string;
}

export function localImage({ path, prefix }: LocalFolder, name: string): FoundImage {
  return fileImage(pathIn(path, name.slice(prefix.length)), { name });
}

/** The image in a file. */
export function fileImage(path: LocalPath, described: Pick<FoundImage, "name" | "named" | "beside">): FoundImage {
  return {
    ...described,
    size: () =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    head: () => readHead(path, tarHeaderLength),
    read: () =>
      readFile(path).catch((error: unknown) => {
        throw new Error(systemReason(error), { cause: error });
      }),
  };
}
