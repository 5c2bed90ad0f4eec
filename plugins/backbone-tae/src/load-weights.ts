/** Finds and checks a variant's safetensors files in the place that the user named. */
import { nearestNames, RevqError, type NamedTensors, type WeightsSource } from "@revq/core";
import { openSafetensors, type Safetensors } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { expectedTensors, variants, type Layer, type VariantName } from "./architecture.js";

type Half = "encoder" | "decoder";

/**
 * `encoder.<key>` and, where the variant has one, `decoder.<key>`, float32, in PyTorch's layout. The caller owns the tensors.
 * Throws `tae-weights-missing`, `tae-weights-half`, `tae-weights-keys`, `tae-weights-shape`, and the errors of safetensors files.
 */
export async function loadWeights(variant: VariantName, source: WeightsSource): Promise<NamedTensors> {
  const { encoder, decoder } = variants[variant];
  const halves: [Half, readonly Layer[]][] = [["encoder", encoder]];
  if (decoder) halves.push(["decoder", decoder]);
  const names = await source.list();
  const files = halves.map(([half]) => [half, findFile(names, variant, half)] as const);
  const missing = files.filter(([, file]) => file === undefined).map(([half]) => fileName(variant, half));
  if (missing.length > 0) throw missingFiles(variant, source.spec, names, missing, files.length);

  const tensors: Record<string, tf.Tensor> = {};
  try {
    for (const [index, [half, layers]] of halves.entries()) {
      const bytes = await source.open(files[index]![1]!);
      try {
        const file = await openSafetensors(bytes);
        const expected = expectedTensors(layers);
        checkTensors(file, expected, variant);
        for (const name of expected.keys()) {
          const { shape, data } = await file.readFloat32(name);
          tensors[`${half}.${name}`] = tf.tensor(data, [...shape], "float32");
        }
      } finally {
        await bytes.close?.();
      }
    }
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
  return tensors;
}

function fileName(variant: VariantName, half: Half): string {
  return `${variant}_${half}.safetensors`;
}

/** The shallowest file of that name, in whatever subfolder. */
function findFile(names: readonly string[], variant: VariantName, half: Half): string | undefined {
  const wanted = fileName(variant, half);
  return names
    .filter((name) => name.slice(name.lastIndexOf("/") + 1) === wanted)
    .sort((a, b) => a.split("/").length - b.split("/").length)[0];
}

function missingFiles(
  variant: VariantName,
  spec: string,
  names: readonly string[],
  missing: readonly string[],
  needed: number,
): RevqError {
  const fix = `Give a folder that holds ${missing.join(" and ")} (github.com/madebyollin/taesd), or another --set backbone.variant.`;
  if (missing.length < needed) {
    return new RevqError(
      "tae-weights-half",
      `${spec} gives only one half of ${variant}: ${missing[0]} is missing; encoder and decoder are separate files.`,
      { fix },
    );
  }
  const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length} files)` : "");
  return new RevqError("tae-weights-missing", `${spec} has no weights of ${variant}; it has ${shown || "no files"}.`, {
    fix,
  });
}

/** Every tensor that is expected is there, in its shape, and no other. */
function checkTensors(file: Safetensors, expected: ReadonlyMap<string, readonly number[]>, variant: VariantName): void {
  const present = [...file.tensors.keys()];
  const fix = `Is it the file of another model? ${variant} was chosen with --set backbone.variant.`;
  for (const [name, shape] of expected) {
    const found = file.tensors.get(name);
    if (!found) {
      throw new RevqError(
        "tae-weights-keys",
        `${file.name} has no tensor "${name}"${nearest(name, present, "it has")}.`,
        { fix },
      );
    }
    if (found.shape.join() !== shape.join()) {
      throw new RevqError(
        "tae-weights-shape",
        `${file.name}: tensor "${name}" has shape [${found.shape}], ${variant} has [${shape}].`,
        { fix },
      );
    }
    if (!/^(BF16|F16|F32|F64)$/.test(found.dtype)) {
      throw new RevqError(
        "tae-weights-dtype",
        `${file.name}: tensor "${name}" is ${found.dtype}; floating point is needed.`,
        { fix },
      );
    }
  }
  const extra = present.find((name) => !expected.has(name));
  if (extra !== undefined) {
    const known = [...expected.keys()];
    throw new RevqError(
      "tae-weights-keys",
      `${file.name} has a tensor "${extra}" that ${variant} does not${nearest(extra, known, "expected is")}.`,
      { fix },
    );
  }
}

function nearest(name: string, candidates: readonly string[], what: string): string {
  const near = nearestNames(name, candidates);
  return near.length ? ` (${what} ${near.map((one) => `"${one}"`).join(", ")})` : "";
}
