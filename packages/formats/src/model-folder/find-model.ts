/**
 * Chooses the weights of a model among the files of a place, by name. Diffusers' names come first,
 * then other names beside a config.json, then names that say that it is a VAE. Safetensors are
 * preferred to PyTorch checkpoints.
 */
import { RevqError } from "@revq/core";
import { tensorFileName } from "../open-tensor-file.js";
import { shortList } from "../short-list.js";
import { isTinyByFiles, refuseOtherKind } from "./autoencoder-kind.js";

export interface FoundModel {
  /** "" or a path that ends in a slash. */
  readonly folder: string;
  /** The weights, or the index of their shards. */
  readonly file: string;
  /** Every file of the place. */
  readonly names: readonly string[];
  /** Other weights that could have been meant. */
  readonly others: readonly string[];
}

/** Names in one folder, best first. Versions of diffusers differ in the name of a variant's index. */
const diffusersNames: readonly RegExp[] = [
  /^diffusion_pytorch_model\.safetensors$/,
  /^diffusion_pytorch_model\.safetensors\.index\.json$/,
  /^diffusion_pytorch_model\.fp16\.safetensors$/,
  /^diffusion_pytorch_model\.(safetensors\.index\.fp16|fp16\.safetensors\.index)\.json$/,
  /^diffusion_pytorch_model\.[^.]+\.safetensors$/,
  /^diffusion_pytorch_model\.(safetensors\.index\.[^.]+|[^.]+\.safetensors\.index)\.json$/,
  /^diffusion_pytorch_model\.bin$/,
  /^diffusion_pytorch_model\.bin\.index\.json$/,
  /^diffusion_pytorch_model\.[^.]+\.bin$/,
];
const vaeName = /vae|autoencoder|first_stage|(^|[^a-z])(ae|kl)([^a-z]|$)/i;
const safetensors = /\.(safetensors|sft)$/i;
/** Files beside weights that hold other tensors, and parts of a model that an index names. */
const noModel = /-\d{5}-of-\d{5}\.|^(optimizer|scheduler|scaler|rng_state|random_states|training_args)\b/i;

/** What holds no weights. A single file of any other name is opened: its content says what it is. */
const otherFile =
  /(?<!\.index(\.[^.]+)?)\.json$|\.(md|txt|ya?ml|html?|csv|onnx|msgpack|jpe?g|png|webp|gif|avif|heic|tiff?|bmp|tar|parquet)$/i;

const isVaeSafetensors = (name: string): boolean => safetensors.test(name) && vaeName.test(name);
const isCheckpoint = (name: string): boolean => tensorFileName.test(name) && !safetensors.test(name);

/** Best first. */
const vaeNames: readonly ((name: string) => boolean)[] = [
  isVaeSafetensors,
  (name) => isCheckpoint(name) && vaeName.test(name),
];
const anyNames: readonly ((name: string) => boolean)[] = [
  (name) => /^model\.safetensors(\.index\.json)?$/.test(name),
  isVaeSafetensors,
  (name) => safetensors.test(name),
  vaeNames[1]!,
  isCheckpoint,
];

/**
 * @param model for messages: "an AutoencoderKL"
 * @throws RevqError `model-other-kind`; `model-folder-weights`: the message lists the files that are there
 */
export function findModel(names: readonly string[], spec: string, model: string): FoundModel {
  const [only] = names;
  if (names.length === 1 && !otherFile.test(only!)) return { folder: "", file: only!, names, others: [] };
  const found = inFolders(names);
  if (found) return { ...found, names };
  if (isTinyByFiles(names)) refuseOtherKind(spec, "AutoencoderTiny", model);
  if (names.some((name) => /(^|\/)[\w-]*encoder[\w-]*\.onnx$|encoder\/model\.onnx$/.test(name)))
    throw onnxModels(spec, model);
  const parts = names.find((name) => /-\d{5}-of-\d{5}\./.test(name));
  if (parts !== undefined) throw indexMissing(parts, spec);
  const weights = names.filter((name) => tensorFileName.test(name));
  throw new RevqError(
    "model-folder-weights",
    `${spec} has no weights of ${model}: expected diffusion_pytorch_model.safetensors or another file of weights ` +
      `beside config.json, found ${shortList(names)}.`,
    {
      fix: weights.length
        ? `If one of its files holds the VAE, name that file: ${shortList(weights, 4)}.`
        : names.some((name) => name.endsWith(".msgpack"))
          ? "Weights of Flax are not read: get the safetensors of the model, or convert them with diffusers (from_flax=True)."
          : "Name the model's own folder (in a diffusers pipeline the one that holds vae/), or the weights file itself.",
      setting: { path: "backbone.weights" },
    },
  );
}

function onnxModels(spec: string, model: string): RevqError {
  return new RevqError("model-other-kind", `${spec} holds models in ONNX; ${model} was expected.`, {
    fix: "The backbone onnx reads them.",
    setting: { path: "backbone.id", value: "onnx" },
  });
}

/** @param part `diffusion_pytorch_model-00001-of-00002.safetensors` */
function indexMissing(part: string, spec: string): RevqError {
  const index = `${part.replace(/-\d{5}-of-\d{5}/, "")}.index.json`;
  return new RevqError(
    "model-folder-weights",
    `${spec} holds weights in several files, such as ${part}, but not the index that says what is where: ${index}.`,
    { fix: "Get that file too, or the whole folder again.", setting: { path: "backbone.weights" } },
  );
}

function inFolders(names: readonly string[]): Omit<FoundModel, "names"> | undefined {
  const folders = foldersOf(names);
  const choose = (
    tests: readonly ((name: string) => boolean)[],
    fits: (folder: string) => boolean = () => true,
  ): Omit<FoundModel, "names"> | undefined => {
    for (const folder of folders.filter(fits)) {
      const inside = filesIn(names, folder);
      const [file] = tests.flatMap((test) => inside.filter(test));
      if (file !== undefined) return { folder, file: folder + file, others: othersOf(file, inside, folder) };
    }
    return undefined;
  };
  return (
    choose(diffusersNames.map((pattern) => (name: string) => pattern.test(name))) ??
    choose(anyNames, (folder) => names.includes(`${folder}config.json`)) ??
    choose(vaeNames)
  );
}

/** The place itself, `vae/` of a pipeline, and other folders whose names say that they hold a VAE. */
function foldersOf(names: readonly string[]): string[] {
  const all = new Set(names.map((name) => name.slice(0, name.lastIndexOf("/") + 1)));
  return [
    "",
    "vae/",
    ...[...all].filter((folder) => folder !== "" && folder !== "vae/" && vaeName.test(folder)).sort(),
  ];
}

function filesIn(names: readonly string[], folder: string): string[] {
  return names
    .filter((name) => name.startsWith(folder) && !name.slice(folder.length).includes("/"))
    .map((name) => name.slice(folder.length))
    .filter((name) => !noModel.test(name))
    .sort();
}

/** Weights of another name, or of another training state (`ema`): not the same in another precision or format. */
function othersOf(file: string, inside: readonly string[], folder: string): string[] {
  const stem = (name: string): string => name.split(".")[0]!;
  if (file.startsWith("diffusion_pytorch_model.")) {
    const state = stateOf(file);
    return inside
      .filter((name) => name !== file && name.startsWith("diffusion_pytorch_model.") && tensorFileName.test(name))
      .filter((name) => stateOf(name) !== state)
      .map((name) => folder + name);
  }
  return inside.filter((name) => tensorFileName.test(name) && stem(name) !== stem(file)).map((name) => folder + name);
}

/** Of a variant that is no precision: `ema` of `diffusion_pytorch_model.ema.safetensors`; else "". */
function stateOf(name: string): string {
  const variant = /^diffusion_pytorch_model\.([^.]+)\.(safetensors|bin)$/.exec(name)?.[1] ?? "";
  return /^(b?f(loat)?p?(16|32|64|8.*)|int\d+)$/i.test(variant) ? "" : variant;
}
