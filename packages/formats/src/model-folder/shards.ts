/** A model in several files with an index `{"weight_map": {tensor: file}}`, as one tensor file. */
import { isRevqError, RevqError } from "@revq/core";
import type { TensorFile } from "../tensor-file.js";

/**
 * @param name of the index, with its folder; the files are beside it
 * @param names every file of the place; null where it is not known, for an index that was named alone
 * @throws RevqError `model-index` when the index is malformed, or names a file outside its folder,
 * a missing file, or a tensor that its file does not have
 */
export async function openShards(
  name: string,
  text: string,
  names: readonly string[] | null,
  openFile: (name: string) => Promise<TensorFile>,
): Promise<TensorFile> {
  const refuse = (problem: string): RevqError =>
    new RevqError("model-index", `${name}: ${problem}.`, { fix: "Get the whole folder again from its source." });
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const fileOf = new Map<string, TensorFile>();
  const opened = new Map<string, TensorFile>();
  for (const [tensor, shard] of weightMap(text, refuse)) {
    if (shard.includes("/") || shard.includes("\\")) throw refuse(`"${shard}" is not a file beside it`);
    const path = folder + shard;
    if (names && !names.includes(path)) throw refuse(`it names "${shard}", which is not there`);
    const file =
      opened.get(path) ??
      (await openFile(path).catch((error: unknown) => {
        if (isRevqError(error) && error.code === "weights-file-missing")
          throw refuse(`it names "${shard}", which is not there`);
        throw error;
      }));
    opened.set(path, file);
    if (!file.tensors.has(tensor)) throw refuse(`"${shard}" has no tensor "${tensor}"`);
    fileOf.set(tensor, file);
  }
  const find = (tensor: string): TensorFile => {
    const file = fileOf.get(tensor);
    if (!file) throw new RevqError("model-unknown-tensor", `${name} lists no tensor "${tensor}".`);
    return file;
  };
  return {
    name,
    tensors: new Map([...fileOf].map(([tensor, file]) => [tensor, file.tensors.get(tensor)!])),
    read: async (tensor) => find(tensor).read(tensor),
    readFloat32: async (tensor) => find(tensor).readFloat32(tensor),
  };
}

function weightMap(text: string, refuse: (problem: string) => RevqError): [string, string][] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse("it is not JSON");
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null) throw refuse('it has no "weight_map"');
  const entries = Object.entries(map);
  if (entries.some(([, file]) => typeof file !== "string")) throw refuse('its "weight_map" must map names to files');
  return entries as [string, string][];
}
