/**
 * Parquet as the `datasets` library reads it: columns `key`, `ids` (a list), `label`, `caption` and
 * `crop`. The features, with the names of classes, are in the metadata `huggingface`, where `datasets`
 * looks for them. It takes them for columns that may be null only: such are its own.
 */
import { parquetWriteBuffer, type ColumnSource } from "hyparquet-writer";
import type { SchemaElement } from "hyparquet";
import { shardName, type DatasetContext, type DatasetFormat } from "./format.js";
import { idTypeOf, type ShardContent } from "./shard-content.js";

/** Rows that a reader gets at once. */
const rowGroupSize = 1000;

interface Column {
  /** Its elements of the schema: the column itself first. */
  readonly schema: readonly SchemaElement[];
  /** Its type in `datasets`. */
  readonly feature: Readonly<Record<string, unknown>>;
  readonly data: ColumnSource["data"];
}

export const parquet: DatasetFormat = {
  id: "parquet",
  idType: idTypeOf,
  names: (shard, plan) => [shardName(shard, plan, ".parquet")],
  write(content, shard, context) {
    const columns = columnsOf(content, context);
    const names = columns.map(({ schema }) => schema[0]!.name);
    const features = Object.fromEntries(columns.map(({ feature }, i) => [names[i]!, feature]));
    const bytes = parquetWriteBuffer({
      columnData: columns.map(({ data }, i) => ({ name: names[i]!, data, encoding: "PLAIN" })),
      schema: [{ name: "schema", num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
      statistics: false,
      rowGroupSize,
      createdBy: "revq",
      kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
    });
    return [{ name: shardName(shard, context.plan, ".parquet"), data: new Uint8Array(bytes) }];
  },
};

function columnsOf(
  { ids, keys, crops, labels, captions }: ShardContent,
  { plan, vocabulary, classNames }: DatasetContext,
): Column[] {
  const { tokens } = vocabulary.layout;
  const rows = keys.map((_, i) => Array.from(ids.subarray(i * tokens, (i + 1) * tokens)));
  const element = { name: "element", type: "INT32", repetition_type: "OPTIONAL" } as const;
  return [
    { schema: [text("key")], feature: value("string"), data: [...keys] },
    {
      schema: [
        { name: "ids", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        plan.idType === "uint16" ? { ...element, converted_type: "UINT_16" } : element,
      ],
      // Readers of every version of `datasets` know this name of a list.
      feature: { feature: value(plan.idType), _type: "Sequence" },
      data: rows,
    },
    ...(labels
      ? [
          {
            schema: [{ name: "label", type: "INT64", repetition_type: "OPTIONAL" } as const],
            feature: classNames ? { names: classNames, _type: "ClassLabel" } : value("int64"),
            data: labels.map(BigInt),
          },
        ]
      : []),
    ...(captions ? [{ schema: [text("caption")], feature: value("string"), data: [...captions] }] : []),
    ...(crops
      ? [
          {
            schema: [{ name: "crop", type: "INT32", repetition_type: "OPTIONAL" } as const],
            feature: value("int32"),
            data: [...crops],
          },
        ]
      : []),
  ];
}

function text(name: string): SchemaElement {
  return { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" };
}

function value(dtype: string): Column["feature"] {
  return { dtype, _type: "Value" };
}
