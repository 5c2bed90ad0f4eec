/** Finds and reads the files of encoder and decoder in the place that the user named. */
import { RevqError, type WeightsSource } from "@revq/core";
import { readAll, refuseWrongFile, shortList } from "@revq/formats";

export interface ModelBytes {
  readonly encoder: Uint8Array;
  /** Absent when there is none: images can then be encoded, latents cannot be decoded. */
  readonly decoder?: Uint8Array;
}

const layouts = [
  { encoder: "encoder.onnx", decoder: "decoder.onnx" },
  { encoder: "vae_encoder/model.onnx", decoder: "vae_decoder/model.onnx" },
  { encoder: "encoder_model.onnx", decoder: "decoder_model.onnx" },
] as const;

/**
 * @throws RevqError `onnx-models-missing` (the message lists the files that are there),
 * `git-lfs-pointer`, `html-instead-of-data`, `onnx-external-data`
 */
export async function readModels(source: WeightsSource): Promise<ModelBytes> {
  const names = await source.list();
  for (const { encoder, decoder } of layouts) {
    if (!names.includes(encoder)) continue;
    return {
      encoder: await readModel(source, encoder, names),
      ...(names.includes(decoder) ? { decoder: await readModel(source, decoder, names) } : {}),
    };
  }
  const half = layouts.find(({ decoder }) => names.includes(decoder));
  throw new RevqError(
    "onnx-models-missing",
    half
      ? `${source.spec} has ${half.decoder} but no ${half.encoder}, which makes the latents.`
      : `${source.spec} has no VAE in ONNX. Expected: encoder.onnx and decoder.onnx, or vae_encoder/model.onnx and ` +
          `vae_decoder/model.onnx. Found: ${shortList(names)}.`,
    {
      fix: "Name the folder that holds both files (of an optimum export the one above vae_encoder/ and vae_decoder/).",
      setting: { path: "backbone.weights" },
    },
  );
}

async function readModel(source: WeightsSource, name: string, names: readonly string[]): Promise<Uint8Array> {
  const external = [`${name}_data`, `${name}.data`, name.replace(/\.onnx$/, ".onnx_data")].find((file) =>
    names.includes(file),
  );
  if (external !== undefined) {
    throw new RevqError(
      "onnx-external-data",
      `${name} keeps its weights in a second file (${external}). Such models are not supported.`,
      { fix: "Save it as one file, in Python: onnx.save(onnx.load(PATH), NEW_PATH)." },
    );
  }
  const file = await source.open(name);
  try {
    const bytes = await readAll(file);
    refuseWrongFile(name, bytes);
    return bytes;
  } finally {
    await file.close?.();
  }
}
