/** Joins files of a folder into one, in parts: the files may be larger than the memory. */
import { writeFileAtomic } from "@revq/formats/node";
import { createReadStream } from "node:fs";
import { join } from "node:path";

/** @param head what stands before the first */
export async function concatenate(
  folder: string,
  target: string,
  names: readonly string[],
  head: Uint8Array = new Uint8Array(0),
): Promise<void> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield head;
    for (const name of names) yield* createReadStream(join(folder, name)) as AsyncIterable<Uint8Array>;
  }
  await writeFileAtomic(join(folder, target), chunks());
}
