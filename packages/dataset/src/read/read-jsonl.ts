/** Ids in JSON Lines: `tokens` (or `ids`) of each line; `key` and `crop` name the image. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { malformed, nameOfCrop, type ReadSamples } from "./tokens-file.js";

const lineSchema = z
  .object({
    tokens: z.array(z.int()).optional(),
    ids: z.array(z.int()).optional(),
    key: z.string().nullish().catch(null),
    crop: z.int().nullish().catch(null),
  })
  .transform(({ tokens, ids, key, crop }) => ({ ids: tokens ?? ids, name: nameOfCrop(key || null, crop) }));

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
    if (typeof sample === "string") throw malformed(path, `line ${number} ${sample}`);
    ids.push(sample.ids);
    names.push(sample.name);
  }
  stream.destroy();
  return { ids, names };
};

/** The sample, or what is wrong with the line. */
function parseLine(line: string): { readonly ids: number[]; readonly name: string | null } | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "is not JSON";
  }
  const { data } = lineSchema.safeParse(json);
  return data?.ids ? { ids: data.ids, name: data.name } : 'has no list "tokens" of integers';
}
