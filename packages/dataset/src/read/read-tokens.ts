/** Reads ids back: of a data set's folder, of one of its files, or of files that a model made. */
import { RevqError } from "@revq/core";
import { idsRecord, vocabularyFile, vocabularySchema, type Vocabulary } from "@revq/tokenizer";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { idTypeOf } from "../formats/shard-content.js";
import { datasetManifestSchema, requireFinished } from "../job/join.js";
import { manifestFile } from "../job/plan.js";
import { damaged, readJson } from "../job/read-json.js";
import { readBinSamples, readNpySamples } from "./read-flat.js";
import { readJsonlSamples } from "./read-jsonl.js";
import { readParquetSamples } from "./read-parquet.js";
import { readTarSamples } from "./read-tar.js";
import { malformed, type ReadSamples, type ReadTokens } from "./tokens-file.js";

/** Extensions of files with samples. */
export const sampleExtensions = [".tar", ".parquet", ".jsonl", ".bin", ".npy"] as const;
type SampleExtension = (typeof sampleExtensions)[number];

export interface ReadTokensOptions {
  /** T of the tokenizer. */
  readonly tokens: number;
  /** Only the first so many samples. */
  readonly limit?: number | undefined;
}

/**
 * @param path a folder, or a `.tar`, `.parquet`, `.jsonl`, `.bin` or `.npy` file. `vocabulary.json` beside it
 * says what its ids are
 * @throws RevqError `ids-malformed`, `ids-shape`, `dataset-damaged`, `dataset-unfinished`
 */
export async function readTokens(path: string, { tokens, limit = Infinity }: ReadTokensOptions): Promise<ReadTokens> {
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
  const folder = isFolder ? path : dirname(path);
  // The folder of codes of a data set of LlamaGen is inside the data set's.
  const recordedIn = join(folder.endsWith("_codes") ? dirname(folder) : folder, vocabularyFile);
  const vocabulary = await readJson(recordedIn, vocabularySchema);
  if (isFolder) await requireFinished(path);
  const files = isFolder ? await filesOf(path) : [path];
  const rows: ArrayLike<unknown>[] = [];
  const names: (string | null)[] = [];
  for (const file of files) {
    if (rows.length >= limit) break;
    const read = await readerOf(file, vocabulary)(file, { tokens, limit: limit - rows.length });
    for (const [i, row] of read.ids.entries()) {
      if (row.length !== tokens) {
        throw new RevqError(
          "ids-shape",
          `${file}: sample ${i} has ${row.length} ids, the tokenizer has ${tokens} tokens.`,
          {
            fix: "Decode with the tokenizer that made the ids.",
          },
        );
      }
      rows.push(row);
      names.push(read.names[i] ?? null);
    }
  }
  if (rows.length === 0) throw malformed(path, "it holds no samples");
  const manifest = await readJson(join(dirname(recordedIn), manifestFile), datasetManifestSchema).catch(() => null);
  if (isFolder && manifest && rows.length < Math.min(limit, manifest.samples))
    throw damaged(path, `its files hold ${rows.length} samples, and ${manifestFile} lists ${manifest.samples}`);
  const ids = new Int32Array(rows.length * tokens);
  for (const [i, row] of rows.entries()) {
    for (let t = 0; t < tokens; t++) ids[i * tokens + t] = int32(`${path}: sample ${i}, token ${t}`, row[t]);
  }
  const isNamed = names.every((name) => name !== null);
  const madeBy = manifest?.tokenizer ?? null;
  return { ids, tokens, names: isNamed ? names : [], record: idsRecord({ vocabulary }), recordedIn, madeBy };
}

function readerOf(file: string, vocabulary: Vocabulary | null): ReadSamples {
  const readers: Readonly<Record<SampleExtension, ReadSamples>> = {
    ".tar": readTarSamples,
    ".parquet": readParquetSamples,
    ".jsonl": readJsonlSamples,
    ".bin": readBinSamples(vocabulary ? idTypeOf(vocabulary) : "uint16"),
    ".npy": readNpySamples,
  };
  const reader = readers[extname(file).toLowerCase() as SampleExtension];
  if (reader) return reader;
  throw malformed(file, `expected one of ${sampleExtensions.join(", ")}`);
}

/** The files with samples of a folder, in the order of the samples. */
async function filesOf(folder: string): Promise<string[]> {
  const manifest = await readJson(join(folder, manifestFile), datasetManifestSchema);
  if (manifest?.format === "llamagen") return numbered(join(folder, manifest.files[0]!.file));
  if (manifest) {
    return manifest.files.map(({ file }) => join(folder, file)).filter((file) => !file.endsWith(".idx.json"));
  }
  const entries = await readdir(folder, { withFileTypes: true });
  if (folder.endsWith("_codes")) return numbered(folder);
  const codes = entries.find((entry) => entry.isDirectory() && entry.name.endsWith("_codes"));
  if (codes) return numbered(join(folder, codes.name));
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const extensions = sampleExtensions.filter((extension) => files.some((name) => extname(name) === extension));
  if (extensions.length === 1) {
    return files
      .filter((name) => extname(name) === extensions[0])
      .sort(byNumber)
      .map((name) => join(folder, name));
  }
  const what = extensions.length === 0 ? "no files" : `files ${extensions.join(" and ")}`;
  throw malformed(folder, `it has ${what}; files of one of ${sampleExtensions.join(", ")} were expected`);
}

async function numbered(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".npy"));
  return names.sort(byNumber).map((name) => join(folder, name));
}

/** `9.npy` before `10.npy`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Parquet has rows with nulls, numbers with fractions and texts. */
function int32(where: string, value: unknown): number {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  const id = isWhole ? Number(value) : NaN;
  if (id >= -(2 ** 31) && id < 2 ** 31) return id;
  throw new RevqError(
    "code-out-of-range",
    `${where}: id ${String(value)} is ${isWhole ? "beyond 32 bits" : "no integer"}.`,
    {
      fix: "Ids of revq are int32.",
    },
  );
}
