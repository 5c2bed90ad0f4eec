/** The images of a job that several processes share, as `images.tsv` holds them: bytes, tab, name. */
import type { RevqError } from "@revq/core";
import { fromFile } from "@revq/formats/node";

/** An image: its name, and the size of its file in bytes, 0 where there is no file. */
export interface ListedImage {
  readonly name: string;
  readonly bytes: number;
}

/** Names are JSON strings: they may hold tabs and line ends. */
export function imageListText(images: readonly ListedImage[]): string {
  return images.map(({ name, bytes }) => `${bytes}\t${JSON.stringify(name)}\n`).join("");
}

/** The images of a list, in order. @param damaged makes the error that is thrown for a malformed line */
export async function readImageList(
  path: string,
  damaged: (path: string, why: string) => RevqError,
): Promise<ListedImage[]> {
  const source = await fromFile(path);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [, bytes, name] = /^(\d+)\t(.*)$/.exec(line) ?? [];
      if (bytes === undefined || name === undefined)
        throw damaged(path, `the line "${line.slice(0, 80)}" is malformed`);
      return { name: JSON.parse(name) as string, bytes: Number(bytes) };
    });
}

/** What differs first between two lists that differ, in words. */
export function imageListDifference(before: readonly ListedImage[], now: readonly ListedImage[]): string {
  if (before.length !== now.length) return `${before.length} then, ${now.length} now`;
  const i = now.findIndex(({ name, bytes }, at) => before[at]!.name !== name || before[at]!.bytes !== bytes);
  const [old, fresh] = [before[i]!, now[i]!];
  if (old.name !== fresh.name) return `image ${i + 1} was ${old.name}, is ${fresh.name}`;
  return `${fresh.name} had ${old.bytes} bytes, has ${fresh.bytes}`;
}
