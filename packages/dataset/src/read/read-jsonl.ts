/** Ids in JSON Lines: `tokens` (or `ids`) of each line; `key` and `crop` name the image. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { malformed, nameOfCrop, type ReadSamples } from "./tokens-file.js";

const lineSchema = z
  .object({
    tokens: z.array(z.int()).optional(),
    ids: z.array(z.int()).optional(),
    key: z.string().optional(),
    crop: z.int().optional(),
  })
  .transform(({ tokens, ids, key, crop }) => ({ ids: tokens ?? ids, name: nameOfCrop(key ?? null, crop) }));

export const readJsonlSamples: ReadSamples = async (path, { limit }) => {
  const ids: number[][] = [];
  const names: (string | null)[] = [];
  const stream = createReadStream(path);
  let number = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    number++;
    if (line.trim() === "") continue;
    if (ids.length === limit) break;
    const sample = parseLine(line);
    if (!sample) throw malformed(path, `line ${number} has no list "tokens" of integers`);
    ids.push(sample.ids);
    names.push(sample.name);
  }
  stream.destroy();
  return { ids, names };
};

function parseLine(line: string): { readonly ids: number[]; readonly name: string | null } | null {
  try {
    const { ids, name } = lineSchema.parse(JSON.parse(line));
    return ids ? { ids, name } : null;
  } catch {
    return null;
  }
}
