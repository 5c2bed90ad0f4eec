/** Quantizers for PyTorch, and the order in which latents are cut into vectors. */
import { RevqError, latentSize, toNamedArrays, type LatentShape, type NamedArray } from "@revq/core";
import { TokenCut } from "@revq/plugin-kit";
import { fsq } from "@revq/quantizer-fsq";
import { levelsFor } from "@revq/quantizer-fsq/levels";
import { residual } from "@revq/quantizer-residual";
import { tokenbridge } from "@revq/quantizer-tokenbridge";
import { trellisLayout } from "@revq/quantizer-trellis/layout";
import type { Tokenizer } from "@revq/tokenizer";
import type { DescribedPart } from "./python-part.js";

export interface DescribedQuantizer extends DescribedPart {
  /** d of the vectors `[V, d]` that the quantizer sees. */
  readonly vectorSize: number;
  /** The index in `[h, w, c]` of every element of `[V, d]`. */
  readonly order: Int32Array;
}

/** What a quantizer is described from. */
interface Given {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly tokenizer: Tokenizer;
  readonly arrays: Readonly<Record<string, NamedArray>>;
  readonly order: Int32Array;
  /** d */
  readonly dim: number;
}

const known: Readonly<Record<string, (given: Given) => DescribedPart>> = {
  multigroup: (given) => codebooks(given, "codebooks"),
  vq: (given) => codebooks(given, "codebook"),
  residual: describeResidual,
  fsq: (given) => {
    const { levels, codes = 1024 } = fsq.options.parse(given.options);
    return grid(given, levels ?? levelsFor(given.dim, codes));
  },
  lfq: (given) => grid(given, new Array<number>(given.dim).fill(2)),
  bsq: (given) => grid(given, new Array<number>(given.dim).fill(2)),
  tokenbridge: describeTokenbridge,
};

/** Throws `export-pytorch`. */
export async function describeQuantizer(tokenizer: Tokenizer): Promise<DescribedQuantizer> {
  const { quantizer, latentShape, space } = tokenizer.parts;
  const { id, options } = tokenizer.config.quantizer;
  if (id === "trellis") return describeTrellis(tokenizer);
  const describe = known[id];
  const { cut } = quantizer.layout;
  if (!describe || !cut) {
    throw new RevqError(
      "export-pytorch",
      `The Python code knows the quantizers ${[...Object.keys(known), "trellis"].join(", ")}, not ${id}.`,
      { fix: "Export to ONNX or tfjs." },
    );
  }
  const state = quantizer.state();
  const vectors = quantizer.layout.count / cut.stages;
  const tokens = new TokenCut(latentShape, vectors, cut.split, space.transform.layout);
  try {
    tokens.restore(state);
    const order = await tokens.order();
    const dim = latentSize(latentShape) / vectors;
    const arrays = await toNamedArrays(state);
    return { ...describe({ id, options, tokenizer, arrays, order, dim }), vectorSize: dim, order };
  } finally {
    tokens.dispose();
  }
}

/** All coefficients are one vector, in the order of the path. */
async function describeTrellis({ parts, layout }: Tokenizer): Promise<DescribedQuantizer> {
  const { quantizer, latentShape, space } = parts;
  const arrays = await toNamedArrays(quantizer.state());
  const path = trellisLayout({ rates: arrays["rates"]!, scale: arrays["scale"] }, latentShape, space.transform.layout);
  const [steps, elements] = [path.classOf.length, path.order.length];
  return {
    part: {
      class: "Trellis",
      tokens: layout.count,
      width: Math.log2(layout.codebookSizes[0]!),
      steps,
      elements,
      classes: path.classes.map(({ vector, bits, columns }) => [vector, bits, columns]),
    },
    files: ["quantizer_trellis"],
    tensors: {
      tables: arrays["tables"]!,
      class_of: { shape: [steps], data: path.classOf },
      deviations: { shape: [elements], data: path.deviations },
      shared_columns: { shape: [path.sharedColumns.length], data: path.sharedColumns },
    },
    vectorSize: elements,
    order: path.order,
  };
}

function codebooks({ tokenizer: { layout }, arrays, dim }: Given, name: string): DescribedPart {
  const { data } = arrays[name]!;
  return {
    part: { class: "Codebooks", dim, sizes: layout.codebookSizes, group_of: [...layout.groupOf] },
    files: ["quantizer_codebooks"],
    tensors: { codes: { shape: [data.length / dim, dim], data } },
  };
}

function describeResidual({ options, arrays, dim }: Given): DescribedPart {
  const { depth, codes, beam } = residual.options.parse(options);
  return {
    part: { class: "Residual", dim, depth, codes, beam },
    files: ["quantizer_residual"],
    tensors: { codes: arrays["codebooks"]! },
  };
}

function grid(given: Given, levels: readonly number[]): DescribedPart {
  const scale = scaleOfTokens(given);
  const tokens = given.order.length / given.dim;
  return {
    part: { class: "Grid", tokens, levels, scaled: scale !== null },
    files: ["quantizer_grid"],
    tensors: { steps: given.arrays["steps"]!, ...(scale ? { scale } : {}) },
  };
}

function describeTokenbridge(given: Given): DescribedPart {
  const { codes } = tokenbridge.options.parse(given.options);
  const scale = scaleOfTokens(given);
  return {
    part: { class: "NormalBins", tokens: given.order.length, codes, scaled: scale !== null },
    files: ["quantizer_normal_bins"],
    tensors: scale ? { scale } : {},
  };
}

/** Deviations of the elements of a block, `[rows, columns, c]` -> of every element of `[V, d]`. */
function scaleOfTokens({ arrays, order, dim, tokenizer }: Given): NamedArray | null {
  const { scale } = arrays;
  if (!scale) return null;
  const { width, channels }: LatentShape = tokenizer.parts.latentShape;
  const [rows, columns] = scale.shape as [number, number];
  const data = Float32Array.from(order, (element) => {
    const position = Math.floor(element / channels);
    const [y, x] = [Math.floor(position / width) % rows, (position % width) % columns];
    return scale.data[(y * columns + x) * channels + (element % channels)]!;
  });
  return { shape: [order.length / dim, dim], data };
}
