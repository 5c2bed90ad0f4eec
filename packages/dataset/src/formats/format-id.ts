/** The formats of data sets, by id. */
export const datasetFormats = ["webdataset", "parquet", "npy", "jsonl", "bin", "llamagen"] as const;
export type DatasetFormatId = (typeof datasetFormats)[number];

export const idTypes = ["uint16", "int32", "int64"] as const;
export type IdType = (typeof idTypes)[number];
