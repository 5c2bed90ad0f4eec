/**
 * One array of ids, `[n, t]`, for a memory map: `tokens.npy`, or `tokens.bin` without a header, as
 * nanoGPT reads it (`np.memmap(path, dtype=np.uint16, mode="r")`). What is known of the samples is in
 * `tokens.idx.json`.
 */
import { npyHeader } from "@revq/formats";
import { concatenate } from "./concatenate.js";
import { shardName, type DatasetFormat, type JoinContext } from "./format.js";
import { indexText, joinIndexes, sampleIndexFile } from "./sample-index.js";
import { bytesOfIds, idTypeOf } from "./shard-content.js";

export const npyFile = "tokens.npy";
export const binFile = "tokens.bin";

/** A shard of ids without a header, and its index. */
export const stagedNames: DatasetFormat["names"] = (shard, plan) => [
  `job/${shardName(shard, plan, ".ids")}`,
  `job/${shardName(shard, plan, ".idx.json")}`,
];

export const writeStaged: DatasetFormat["write"] = (content, shard, { plan }) => {
  const [ids, index] = stagedNames(shard, plan);
  return [
    { name: ids!, data: bytesOfIds(content.ids, plan.idType) },
    { name: index!, data: indexText(content) },
  ];
};

const shared = { idType: idTypeOf, names: stagedNames, write: writeStaged } as const;

export const npy: DatasetFormat = {
  id: "npy",
  ...shared,
  join: (context) => {
    const { samples, vocabulary, plan } = context;
    const shape = [samples.reduce((sum, count) => sum + count, 0), vocabulary.layout.tokens];
    return joinFlat(context, npyFile, npyHeader({ shape, dtype: plan.idType }));
  },
};

export const bin: DatasetFormat = { id: "bin", ...shared, join: (context) => joinFlat(context, binFile) };

async function joinFlat(
  { folder, plan, samples, vocabulary }: JoinContext,
  target: string,
  head?: Uint8Array,
): Promise<readonly string[]> {
  const staged = Array.from({ length: plan.shards }, (_, shard) => stagedNames(shard, plan));
  await concatenate(
    folder,
    target,
    staged.map(([ids]) => ids!),
    head,
  );
  await joinIndexes(
    folder,
    staged.map(([, index]) => index!),
    {
      samples: samples.reduce((sum, count) => sum + count, 0),
      tokens: vocabulary.layout.tokens,
      dtype: plan.idType,
    },
  );
  return [target, sampleIndexFile];
}
