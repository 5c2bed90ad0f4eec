/** Writes files of ids. */
import { vocabularyOffsets, vocabularySize, type TokenLayout } from "@revq/core";
import { writeNpy, writeSafetensors } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import { tileCount } from "@revq/tokenizer";
import { idsExtension, type IdsFile } from "./ids-file.js";

/** @param offsetGroups whether flat ids are written */
export async function writeIds(
  path: string,
  { ids: groupIds, names, grids }: IdsFile,
  layout: TokenLayout,
  offsetGroups: boolean,
): Promise<void> {
  const t = layout.count;
  const offsets = vocabularyOffsets(layout);
  const ids = offsetGroups ? groupIds.map((id, i) => id + offsets[i % t]!) : groupIds;
  const shape = [ids.length / t, t];
  const named = grids ? names.map((name, i) => ({ name, grid: grids[i]! })) : names;
  const vocabulary = vocabularySize(layout);
  const extension = idsExtension(path);
  if (extension === ".json") {
    let start = 0;
    const images = names.map((name, i) => {
      const end = start + (grids ? tileCount(grids[i]!) : 1) * t;
      const image = { name, ...(grids ? { grid: grids[i]! } : {}), ids: Array.from(ids.subarray(start, end)) };
      start = end;
      return image;
    });
    const head = { tokens: t, vocabulary, offsetGroups };
    const lines = images.map((image) => `    ${JSON.stringify(image)}`).join(",\n");
    const text = `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "images": [\n${lines}\n  ]\n}\n`;
    await writeFileAtomic(path, text);
  } else if (extension === ".safetensors") {
    const metadata = {
      names: JSON.stringify(named),
      vocabulary: String(vocabulary),
      offsetGroups: String(offsetGroups),
    };
    await writeFileAtomic(path, writeSafetensors([{ name: "ids", shape, data: ids }], metadata));
  } else {
    await writeFileAtomic(path, writeNpy({ shape, data: ids }));
    await writeFileAtomic(`${path}.names.json`, `${JSON.stringify(named)}\n`);
  }
}
