/** Rectifiers for PyTorch. Their state has PyTorch's names and layouts. */
import { RevqError, toNamedArrays, type LatentShape, type NamedArrays } from "@revq/core";
import { cnn } from "@revq/rectifier-cnn";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { mlp } from "@revq/rectifier-mlp";
import type { Tokenizer } from "@revq/tokenizer";
import { shapeOf } from "./network.js";
import type { DescribedPart, PythonPart } from "./python-part.js";

type Options = Readonly<Record<string, unknown>>;
type Describe = (options: Options, shape: LatentShape, state: NamedArrays) => { part: PythonPart; files: string[] };

const known: Readonly<Record<string, Describe>> = {
  identity: () => ({ part: { class: "Identity" }, files: [] }),
  efficientvit(options, { channels: latent }, state) {
    const { layers, headDim: head, outputSkip: skip } = efficientvit.options.parse(options);
    const [channels] = shapeOf(state, "conv_in.weight");
    const [, hidden] = shapeOf(state, "up_blocks.0.0.conv_out.conv_point.weight");
    return {
      part: { class: "EfficientVitRectifier", latent, channels, layers, head, hidden, skip },
      files: ["rectifier_efficientvit"],
    };
  },
  cnn(options, { channels: latent }) {
    const { channels, layers, outputSkip: skip } = cnn.options.parse(options);
    return { part: { class: "CnnRectifier", latent, channels, layers, skip }, files: ["rectifier_cnn"] };
  },
  mlp(options, { channels: latent, height, width }) {
    const { channels, layers, expandRatio, positionHidden: hidden, outputSkip: skip } = mlp.options.parse(options);
    const sizes = { latent, positions: height * width, channels, layers, wide: expandRatio * channels, hidden };
    return { part: { class: "MlpRectifier", ...sizes, skip }, files: ["rectifier_mlp"] };
  },
};

/** Throws `export-pytorch`. */
export async function describeRectifier({ parts, config }: Tokenizer): Promise<DescribedPart> {
  const { id, options } = config.rectifier;
  const describe = known[id];
  if (!describe) {
    throw new RevqError(
      "export-pytorch",
      `The Python code knows the rectifiers ${Object.keys(known).join(", ")}, not ${id}.`,
      { fix: "Export to ONNX or tfjs." },
    );
  }
  const tensors = await toNamedArrays(parts.rectifier.state());
  return { ...describe(options, parts.latentShape, tensors), tensors };
}
