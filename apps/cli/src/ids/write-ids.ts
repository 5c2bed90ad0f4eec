/** Writes files of ids. */
import { codesToIds, type TokenLayout } from "@revq/core";
import { writeNpy, writeSafetensors } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import { idsJson, jsonText, tileCount, type Vocabulary } from "@revq/tokenizer";
import { idsExtension, namesFileOf, vocabularyFileOf, type IdsFile } from "./ids-file.js";

/** @param vocabulary names the form of the ids */
export async function writeIds(
  path: string,
  { ids: codes, names, grids }: IdsFile,
  layout: TokenLayout,
  vocabulary: Vocabulary,
): Promise<void> {
  const t = layout.count;
  const ids = codesToIds(codes, layout, vocabulary.form);
  const shape = [ids.length / t, t];
  const named = grids ? names.map((name, i) => ({ name, grid: grids[i]! })) : names;
  const extension = idsExtension(path);
  if (extension === ".json") {
    let start = 0;
    const images = names.map((name, i) => {
      const end = start + (grids ? tileCount(grids[i]!) : 1) * t;
      const image = { name, ...(grids ? { grid: grids[i]! } : {}), ids: Array.from(ids.subarray(start, end)) };
      start = end;
      return image;
    });
    await writeFileAtomic(path, idsJson(images, vocabulary));
  } else if (extension === ".safetensors") {
    const metadata = { names: JSON.stringify(named), vocabulary: JSON.stringify(vocabulary) };
    await writeFileAtomic(path, writeSafetensors([{ name: "ids", shape, data: ids }], metadata));
  } else {
    await writeFileAtomic(vocabularyFileOf(path), jsonText(vocabulary));
    await writeFileAtomic(namesFileOf(path), `${JSON.stringify(named)}\n`);
    await writeFileAtomic(path, writeNpy({ shape, data: ids }));
  }
}
