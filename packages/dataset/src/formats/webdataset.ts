/**
 * Shards of WebDataset: tar archives whose members are grouped by key (WebDataset, "The WebDataset
 * Format"). A sample has `.ids.npy`, `.json` with the name of its image, and `.cls` and `.txt` where
 * there are labels and captions.
 */
import { writeNpy } from "@revq/formats";
import { shardName, type DatasetFormat } from "./format.js";
import { idTypeOf, typedIds } from "./shard-content.js";
import { tarArchive } from "./tar.js";

const encoder = new TextEncoder();

export const webdataset: DatasetFormat = {
  id: "webdataset",
  idType: idTypeOf,
  names: (shard, plan) => [shardName(shard, plan, ".tar")],
  write({ ids, keys, numbers, crops, labels, captions }, shard, { plan, vocabulary }) {
    const { tokens } = vocabulary.layout;
    const all = typedIds(ids, plan.idType);
    const members = keys.flatMap((name, i) => {
      const crop = crops ? { crop: crops[i]! } : {};
      // Names of images may have dots, or be too long for a header.
      const key = `${String(numbers[i]).padStart(8, "0")}${crops ? `_${crops[i]}` : ""}`;
      const data = all.slice(i * tokens, (i + 1) * tokens);
      const dtype = plan.idType;
      const caption = captions?.[i];
      return [
        ...(labels ? [{ name: `${key}.cls`, data: encoder.encode(String(labels[i])) }] : []),
        { name: `${key}.ids.npy`, data: writeNpy({ shape: [tokens], data, dtype }) },
        { name: `${key}.json`, data: encoder.encode(JSON.stringify({ key: name, ...crop })) },
        ...(caption === null || caption === undefined ? [] : [{ name: `${key}.txt`, data: encoder.encode(caption) }]),
      ];
    });
    return [{ name: shardName(shard, plan, ".tar"), data: tarArchive(members) }];
  },
};
