/**
 * JSON Lines: a sample a line, `{"class_id": 3, "tokens": [...], "key": "cats/a.jpg"}`. The first two
 * are what RAR reads (github.com/bytedance/1d-tokenizer, PretoeknizedDataSetJSONL).
 */
import { concatenate } from "./concatenate.js";
import { shardName, type DatasetFormat } from "./format.js";
import { idTypeOf } from "./shard-content.js";

export const jsonlFile = "tokens.jsonl";

const stagedName: DatasetFormat["names"] = (shard, plan) => [`job/${shardName(shard, plan, ".lines")}`];

export const jsonl: DatasetFormat = {
  id: "jsonl",
  idType: idTypeOf,
  names: stagedName,
  write({ ids, keys, crops, labels, captions }, shard, { plan, vocabulary }) {
    const { tokens } = vocabulary.layout;
    const lines = keys.map((key, i) => {
      const sample = {
        ...(labels ? { class_id: labels[i] } : {}),
        tokens: Array.from(ids.subarray(i * tokens, (i + 1) * tokens)),
        key,
        ...(crops ? { crop: crops[i] } : {}),
        ...(captions ? { caption: captions[i] } : {}),
      };
      return `${JSON.stringify(sample)}\n`;
    });
    return [{ name: stagedName(shard, plan)[0]!, data: lines.join("") }];
  },
  async join({ folder, plan }) {
    const shards = Array.from({ length: plan.shards }, (_, shard) => stagedName(shard, plan)[0]!);
    await concatenate(folder, jsonlFile, shards);
    return [jsonlFile];
  },
};
