/** Transforms for PyTorch. */
import { RevqError, toNamedArrays } from "@revq/core";
import type { Tokenizer } from "@revq/tokenizer";
import type { DescribedPart } from "./python-part.js";

const plain: readonly string[] = ["none", "standardize"];
const cosines: Readonly<Record<string, boolean>> = { dct: true, pca: false, "dct-klt": true };

/** Throws `export-pytorch`. */
export async function describeTransform({ parts, config }: Tokenizer): Promise<DescribedPart> {
  const { transform } = parts.space;
  const { id } = config.transform;
  if (plain.includes(id)) return { part: { class: "NoTransform" }, files: ["no_transform"], tensors: {} };
  const hasCosines = cosines[id];
  if (hasCosines === undefined) {
    throw new RevqError(
      "export-pytorch",
      `The Python code knows the transforms ${[...plain, ...Object.keys(cosines)].join(", ")}, not ${id}.`,
      { fix: "Export to ONNX or tfjs." },
    );
  }
  const tensors = await toNamedArrays(transform.state());
  const [count = 0, dim = 0] = tensors["rotation"]?.shape ?? [];
  return {
    part: { class: "BlockTransform", block: transform.layout.block, cosines: hasCosines, rotations: [count, dim] },
    files: ["block_transform"],
    tensors,
  };
}
