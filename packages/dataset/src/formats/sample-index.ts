/**
 * What is known of the samples of a flat array: `tokens.idx.json`, an object of lists with one entry a
 * sample. Shards have the same beside them until they are joined.
 */
import { writeFileAtomic } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { idTypes } from "./format-id.js";
import type { ShardContent } from "./shard-content.js";

const lists = {
  keys: z.array(z.string()),
  crops: z.array(z.int()).optional(),
  labels: z.array(z.int()).optional(),
  captions: z.array(z.string().nullable()).optional(),
};
type Lists = z.output<z.ZodObject<typeof lists>>;

/** `tokens.idx.json` */
export const sampleIndexSchema = z.object({
  samples: z.int().min(0),
  tokens: z.int().min(1),
  dtype: z.enum(idTypes),
  ...lists,
});
export type SampleIndex = z.output<typeof sampleIndexSchema>;

export const sampleIndexFile = "tokens.idx.json";

export function indexText({ keys, crops, labels, captions }: ShardContent): string {
  const index = { keys, ...(crops ? { crops } : {}), ...(labels ? { labels } : {}), ...(captions ? { captions } : {}) };
  return `${JSON.stringify(index)}\n`;
}

export async function readShardIndex(path: string): Promise<Lists> {
  return z.object(lists).parse(JSON.parse(await readFile(path, "utf8")));
}

/** Joins the indexes of shards, one list after the other: only one shard is in memory. */
export async function joinIndexes(
  folder: string,
  names: readonly string[],
  head: Omit<SampleIndex, keyof Lists>,
): Promise<void> {
  const encoder = new TextEncoder();
  const present = names[0] === undefined ? ["keys"] : Object.keys(await readShardIndex(join(folder, names[0])));
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield encoder.encode(JSON.stringify(head).slice(0, -1));
    for (const list of Object.keys(lists).filter((name) => present.includes(name))) {
      yield encoder.encode(`,"${list}":[`);
      let isFirst = true;
      for (const name of names) {
        const values = (await readShardIndex(join(folder, name)))[list as keyof Lists] ?? [];
        const text = JSON.stringify(values).slice(1, -1);
        if (text === "") continue;
        yield encoder.encode(isFirst ? text : `,${text}`);
        isFirst = false;
      }
      yield encoder.encode("]");
    }
    yield encoder.encode("}\n");
  }
  await writeFileAtomic(join(folder, sampleIndexFile), chunks());
}
