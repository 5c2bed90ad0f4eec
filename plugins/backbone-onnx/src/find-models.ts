/** Finds the encoder's and the decoder's file in the place that the user named, and reads them. */
import { RevqError, type WeightsSource } from "@revq/core";
import { readAll } from "@revq/formats";

export interface ModelBytes {
  readonly encoder: Uint8Array;
  /** Absent when there is none: latents can be made, images cannot. */
  readonly decoder?: Uint8Array;
}

const layouts = [
  { encoder: "encoder.onnx", decoder: "decoder.onnx" },
  { encoder: "vae_encoder/model.onnx", decoder: "vae_decoder/model.onnx" },
  { encoder: "encoder_model.onnx", decoder: "decoder_model.onnx" },
] as const;

/** Throws `onnx-models-missing` (what is there is listed), `git-lfs-pointer`, `html-instead-of-data`, `onnx-external-data`. */
export async function readModels(source: WeightsSource): Promise<ModelBytes> {
  const names = await source.list();
  for (const { encoder, decoder } of layouts) {
    if (!names.includes(encoder)) continue;
    return {
      encoder: await readModel(source, encoder, names),
      ...(names.includes(decoder) ? { decoder: await readModel(source, decoder, names) } : {}),
    };
  }
  const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length} files)` : "");
  const half = layouts.find(({ decoder }) => names.includes(decoder));
  throw new RevqError(
    "onnx-models-missing",
    half
      ? `${source.spec} has ${half.decoder} but no ${half.encoder}: without an encoder there are no latents.`
      : `${source.spec} has no VAE in ONNX: expected encoder.onnx and decoder.onnx, or vae_encoder/model.onnx and vae_decoder/model.onnx; ` +
          `there ${names.length ? `is ${shown}` : "are no files"}.`,
    {
      fix: "Name the folder that holds both files (of an optimum export the one above vae_encoder/ and vae_decoder/).",
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
      `${name} keeps its numbers in a second file (${external}), which is not read.`,
      {
        fix: "Save it as one file, in Python: onnx.save(onnx.load(PATH), NEW_PATH).",
      },
    );
  }
  const file = await source.open(name);
  try {
    const bytes = await readAll(file);
    refuseText(name, bytes);
    return bytes;
  } finally {
    await file.close?.();
  }
}

/** What is downloaded instead of a model now and then. */
function refuseText(name: string, bytes: Uint8Array): void {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  if (start.startsWith("version https://git-lfs")) {
    throw new RevqError("git-lfs-pointer", `${name} is a Git LFS pointer, not the model itself.`, {
      fix: "Run `git lfs pull` in the repository, or download the file from its page.",
    });
  }
  if (/^<(!doctype|html)/i.test(start)) {
    throw new RevqError("html-instead-of-data", `${name} is a web page, not a model.`, {
      fix: "Download the file itself, not the page that shows it.",
    });
  }
}
