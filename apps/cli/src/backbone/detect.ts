/** Finds the backbone plugin that weights are for, from the files, config.json and names of tensors. */
import { RevqError, type WeightsSource } from "@revq/core";
import { openModelFolder, readAll } from "@revq/formats";

/** `_class_name` of diffusers -> plugin id. */
const families: Readonly<Record<string, string>> = {
  AutoencoderKL: "sd-vae",
  AutoencoderKLFlux2: "sd-vae",
  AutoencoderDC: "dc-ae",
  AutoencoderTiny: "tae",
};

export interface Detected {
  readonly id: string;
  /** The reason, for people. */
  readonly because: string;
}

/** Throws `backbone-unrecognised`, which lists the files. */
export async function detectBackbone(source: WeightsSource): Promise<Detected> {
  const names = await source.list();
  for (const config of ["config.json", "vae/config.json"]) {
    if (!names.includes(config)) continue;
    const className = await classNameOf(source, config);
    const id = families[className ?? ""];
    if (id !== undefined) return { id, because: `${config} says ${className}` };
    if (className !== undefined)
      throw unrecognised(source, names, `${config} describes ${className}, which no backbone opens`);
  }
  const onnx = names.find((name) => /(^|\/)(encoder|encoder_model|vae_encoder\/model)\.onnx$/.test(name));
  if (onnx !== undefined) return { id: "onnx", because: `there is ${onnx}` };
  const tae = names.find((name) => /(^|\/)tae[a-z0-9]+_(encoder|decoder)\.(safetensors|pth)$/.test(name));
  if (tae !== undefined) return { id: "tae", because: `there is ${tae}` };
  const why = "no config.json of a VAE, no encoder.onnx, no tae*_encoder.safetensors";
  const id = await familyOfTensors(source);
  if (id === undefined) throw unrecognised(source, names, why);
  return { id, because: "the names of its tensors" };
}

/** A plugin that knows tensors of such names; undefined when there is none, or no file of weights. */
async function familyOfTensors(source: WeightsSource): Promise<string | undefined> {
  const model = await openModelFolder(source, "a VAE").catch((error: unknown) => {
    if (error instanceof RevqError && error.code === "model-folder-weights") return undefined;
    throw error;
  });
  if (!model) return undefined;
  const names = [...model.weights.tensors.keys()];
  const className = model.config?.json["_class_name"];
  await model.close();
  if (typeof className === "string" && families[className] !== undefined) return families[className];
  if (names.some((name) => /(^|\.)decoder\.mid(\.block_1|_block\.resnets)\./.test(name))) return "sd-vae";
  return names.some((name) => /^decoder\.layers\./.test(name)) ? "tae" : undefined;
}

async function classNameOf(source: WeightsSource, name: string): Promise<string | undefined> {
  const file = await source.open(name);
  try {
    const json = JSON.parse(new TextDecoder().decode(await readAll(file))) as { _class_name?: unknown };
    return typeof json._class_name === "string" ? json._class_name : undefined;
  } catch {
    return undefined;
  } finally {
    await file.close?.();
  }
}

function unrecognised(source: WeightsSource, names: readonly string[], why: string): RevqError {
  const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length} files)` : "");
  return new RevqError(
    "backbone-unrecognised",
    `${source.spec} is not recognised as a VAE: ${why}; its files are ${shown || "none"}.`,
    { fix: "Name the folder of the VAE itself, or its plugin: --backbone ID. `revq plugins` lists the plugins." },
  );
}
