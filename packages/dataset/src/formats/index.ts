/** The formats by id. */
import { bin, npy } from "./flat.js";
import type { DatasetFormat } from "./format.js";
import type { DatasetFormatId } from "./format-id.js";
import { jsonl } from "./jsonl.js";
import { llamagen } from "./llamagen.js";
import { parquet } from "./parquet.js";
import { webdataset } from "./webdataset.js";

const formats: Readonly<Record<DatasetFormatId, DatasetFormat>> = { webdataset, parquet, npy, jsonl, bin, llamagen };

export function formatOf(id: DatasetFormatId): DatasetFormat {
  return formats[id];
}
