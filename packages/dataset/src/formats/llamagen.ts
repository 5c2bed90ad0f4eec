/**
 * LlamaGen's folders `imagenet<size>_codes` and `imagenet<size>_labels`: an int64 `.npy` an image,
 * `[1, crops, t]` and `[1]`, numbered from 0 (github.com/FoundationVision/LlamaGen,
 * autoregressive/train/extract_codes_c2i.py and dataset/imagenet.py).
 */
import { RevqError } from "@revq/core";
import { writeNpy } from "@revq/formats";
import type { Vocabulary } from "@revq/tokenizer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stagedNames, writeStaged } from "./flat.js";
import type { DatasetFormat, JoinContext } from "./format.js";
import { readShardIndex } from "./sample-index.js";

/** Files written at once. */
const atOnce = 64;

export const llamagen: DatasetFormat = {
  id: "llamagen",
  idType: () => "int64",
  check(vocabulary, hasLabels) {
    const reason = whyNot(vocabulary) ?? (hasLabels ? null : "it has a label for every image, and there are none");
    if (reason === null) return;
    throw new RevqError("dataset-llamagen", `LlamaGen's format cannot hold these tokens: ${reason}.`, {
      fix: "Use another format, such as npy or webdataset.",
      setting: { path: "format", value: "npy" },
    });
  },
  names: stagedNames,
  write: writeStaged,
  join: joinFolders,
};

/** The names of the two folders. */
export function llamagenFolders({ layout }: Pick<Vocabulary, "layout">): readonly [codes: string, labels: string] {
  const prefix = `imagenet${layout.imageSize ?? ""}`;
  return [`${prefix}_codes`, `${prefix}_labels`];
}

/** LlamaGen's model has one embedding, and two-dimensional positions in raster order. */
function whyNot({ layout }: Vocabulary): string | null {
  const { grid, codebookSizes } = layout;
  if (codebookSizes.length > 1) return `they have ${codebookSizes.length} codebooks; one was expected`;
  if (!grid) return "they are no grid";
  const [rows, columns, depth] = grid.shape;
  if (rows !== columns || depth !== 1) {
    return `their grid is ${rows} x ${columns} x ${depth} (rows, columns, depth); a square of depth 1 was expected`;
  }
  const isRaster = grid.positions.every((position, token) => position === token);
  return isRaster ? null : "they do not go row by row";
}

async function joinFolders({ folder, plan, vocabulary }: JoinContext): Promise<readonly string[]> {
  const [codes, labels] = llamagenFolders(vocabulary);
  await mkdir(join(folder, codes), { recursive: true });
  await mkdir(join(folder, labels), { recursive: true });
  const { tokens } = vocabulary.layout;
  let image = 0;
  for (let shard = 0; shard < plan.shards; shard++) {
    const [idsName, indexName] = stagedNames(shard, plan);
    const bytes = await readFile(join(folder, idsName!));
    const ids = new BigInt64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const index = await readShardIndex(join(folder, indexName!));
    const row = tokens * plan.crops;
    let writes: Promise<void>[] = [];
    for (let start = 0; start < ids.length; start += row, image++) {
      const data = ids.subarray(start, start + row);
      const label = BigInt64Array.of(BigInt(index.labels![start / tokens]!));
      writes.push(
        writeFile(join(folder, codes, `${image}.npy`), writeNpy({ shape: [1, plan.crops, tokens], data })),
        writeFile(join(folder, labels, `${image}.npy`), writeNpy({ shape: [1], data: label })),
      );
      if (writes.length < atOnce) continue;
      await Promise.all(writes);
      writes = [];
    }
    await Promise.all(writes);
  }
  return [codes, labels];
}
