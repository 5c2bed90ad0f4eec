/** Finds and reads the files of encoder and decoder in the place that the user named. */
import { RevqError, type WeightsSource } from "@revq/core";
import { readAll, refuseHeaderless, refuseWrongFile, shortList } from "@revq/formats";
import { externalFiles, inlineWeights } from "./inline-weights.js";

export interface ModelBytes {
  readonly encoder: Uint8Array;
  /** Absent when there is none: images can then be encoded, latents cannot be decoded. */
  readonly decoder?: Uint8Array;
}

/** The usual names of an encoder, best first. A decoder has the same name with another word. */
const usualNames = ["encoder.onnx", "vae_encoder/model.onnx", "encoder_model.onnx", "vae_encoder.onnx"] as const;
/** The same with a precision behind (`_fp16`), in any folder. */
const encoderName = /^(?:.*\/)?(?:(?:vae_)?encoder(?:_model)?|vae_encoder\/model)(?:[._-]\w+)?\.onnx$/i;

/**
 * @param note is told which encoder was taken where there are several
 * @throws RevqError `onnx-models-missing` (the message lists the files that are there),
 * `git-lfs-pointer`, `html-instead-of-data`, `onnx-external-data`, `onnx-too-large`
 */
export async function readModels(named: WeightsSource, note: (line: string) => void = () => {}): Promise<ModelBytes> {
  const names = await named.list();
  const source = withNeighbours(named, names);
  const [encoder, ...others] = encodersOf(names);
  if (encoder !== undefined) {
    if (others.length > 0) note(`${source.spec}: using the encoder ${encoder}; not used are ${shortList(others, 4)}.`);
    const name = decoderOf(encoder);
    const decoder = await readDecoder(source, name);
    if (!decoder) note(`${source.spec} has no ${name}: images can be encoded, but latents cannot be decoded.`);
    return { encoder: await readModel(source, encoder), ...(decoder ? { decoder } : {}) };
  }
  const half = usualNames.find((name) => names.includes(decoderOf(name)));
  throw new RevqError(
    "onnx-models-missing",
    half
      ? `${source.spec} has ${decoderOf(half)} but no ${half}, which makes the latents.`
      : `${source.spec} has no VAE in ONNX. Expected: encoder.onnx and decoder.onnx, or vae_encoder/model.onnx and ` +
          `vae_decoder/model.onnx. Found: ${shortList(names)}.`,
    {
      fix: "Name the folder that holds both files (of an optimum export the one above vae_encoder/ and vae_decoder/).",
      setting: { path: "backbone.weights" },
    },
  );
}

/** Of a file that was named alone, with the files beside it: the decoder, and weights in second files. */
function withNeighbours(source: WeightsSource, names: readonly string[]): WeightsSource {
  const { beside } = source;
  if (!beside || names.length !== 1) return source;
  return {
    ...source,
    async open(name) {
      const neighbour = names.includes(name) ? undefined : await beside(name);
      return neighbour ?? source.open(name);
    },
  };
}

async function readDecoder(source: WeightsSource, name: string): Promise<Uint8Array | undefined> {
  const file = await source.open(name).catch((error: unknown) => {
    if (error instanceof RevqError && error.code === "weights-file-missing") return undefined;
    throw error;
  });
  await file?.close?.();
  return file && readModel(source, name);
}

/** Usual names first, then those nearest to the top, then the shortest. */
function encodersOf(names: readonly string[]): string[] {
  const rank = (name: string): number => {
    const usual = (usualNames as readonly string[]).indexOf(name);
    return usual >= 0 ? usual : usualNames.length + 1000 * name.split("/").length + name.length;
  };
  return names.filter((name) => encoderName.test(name)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** In the last place: folders above may have any name. */
function decoderOf(encoder: string): string {
  const at = encoder.toLowerCase().lastIndexOf("encoder");
  const word = encoder.slice(at, at + "encoder".length);
  const other = word === "ENCODER" ? "DECODER" : word.startsWith("E") ? "Decoder" : "decoder";
  return `${encoder.slice(0, at)}${other}${encoder.slice(at + word.length)}`;
}

async function readModel(source: WeightsSource, name: string): Promise<Uint8Array> {
  const model = await readFile(source, name);
  refuseHeaderless(name, model);
  refuseOtherWeights(name, model);
  const files = new Map<string, Uint8Array>();
  for (const location of externalFiles(model)) files.set(location, await readExternal(source, name, location));
  return files.size === 0 ? model : inlineWeights(name, model, files);
}

/** A protobuf does not begin like safetensors or a zip archive. */
function refuseOtherWeights(name: string, start: Uint8Array): void {
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  if (!isZip && start[8] !== 0x7b) return;
  throw new RevqError(
    "onnx-other-file",
    `${name} is not an ONNX model: it begins like ${isZip ? "a zip archive" : "safetensors"}.`,
    {
      fix: "Name the exported model.",
      setting: { path: "backbone.weights" },
    },
  );
}

async function readExternal(source: WeightsSource, model: string, location: string): Promise<Uint8Array> {
  const leadsOut = location === "" || /^[/\\]|\\|^[a-z]:/i.test(location) || location.split("/").includes("..");
  const path = model.slice(0, model.lastIndexOf("/") + 1) + location.replace(/^(\.\/)+/, "");
  let cause: unknown;
  if (!leadsOut) {
    try {
      const bytes = await readFile(source, path);
      refuseWrongFile(path, bytes);
      return bytes;
    } catch (error) {
      if (!(error instanceof RevqError) || error.code !== "weights-file-missing") throw error;
      cause = error;
    }
  }
  throw new RevqError(
    "onnx-external-data",
    leadsOut
      ? `${model} keeps its weights in "${location}", which is not a file beside it.`
      : `${model} keeps its weights in a second file, ${path}, which is not in ${source.spec}.`,
    {
      fix: leadsOut
        ? "Save it as one file, in Python: onnx.save(onnx.load(PATH), NEW_PATH)."
        : "Put that file beside the model and name the folder. Renamed files are not found.",
      setting: { path: "backbone.weights" },
      cause,
    },
  );
}

async function readFile(source: WeightsSource, name: string): Promise<Uint8Array> {
  const file = await source.open(name);
  try {
    return await readAll(file);
  } finally {
    await file.close?.();
  }
}
