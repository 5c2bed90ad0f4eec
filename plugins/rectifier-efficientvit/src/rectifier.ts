/**
 * The rectifier of Quantize-then-Rectify (arXiv 2507.10547, "Rectifier"): one stage of EfficientViT blocks at the latent's own
 * size, 3x3 convolutions around it. Fully convolutional: any height and width. Numbers and parameter names are those of the
 * authors' PyTorch model.
 */
import { RevqError, requireTensor, type NamedTensors, type Random, type Rectifier } from "@revq/core";
import { convolution, gluMbConv, multiScaleAttention, rmsNorm, type ParameterOf } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { EfficientVitSizes } from "./options.js";
import { blockPrefix, initialValues, parameterTable } from "./parameters.js";

/** x `[n, h, w, c]` -> `[n, h, w, c]`; `parameter` gives each entry of `parameterTable(sizes)` by its name. */
export function efficientVit(x: Tensor4D, sizes: EfficientVitSizes, parameter: ParameterOf): Tensor4D {
  const widened = convolution(x, parameter("conv_in.weight"), parameter("conv_in.bias"));
  let hidden = addRepeated(widened, x);
  for (let layer = 0; layer < sizes.layers; layer++) {
    const below = (part: string): ParameterOf => {
      const prefix = `${blockPrefix(layer)}.${part}.`;
      return (name) => parameter(prefix + name);
    };
    hidden = multiScaleAttention(hidden, sizes.headDim, below("attn"));
    hidden = gluMbConv(hidden, below("conv_out"));
  }
  const activated = tf.relu(rmsNorm(hidden, parameter("norm_out.weight"), parameter("norm_out.bias")));
  const out = convolution(activated, parameter("conv_out.weight"), parameter("conv_out.bias"));
  return sizes.outputSkip ? tf.add(x, out) : out;
}

/** Adds channel i of x to channels i * C/c .. (i + 1) * C/c - 1 of `wide`. wide `[n, h, w, C]`, x `[n, h, w, c]` -> `[n, h, w, C]`. */
function addRepeated(wide: Tensor4D, x: Tensor4D): Tensor4D {
  const [n, h, w, c] = x.shape;
  const grouped = tf.reshape(wide, [n * h * w, c, wide.shape[3] / c]) as Tensor3D;
  return tf.reshape(tf.add(grouped, tf.reshape(x, [n * h * w, c, 1])), wide.shape);
}

export class EfficientVitRectifier implements Rectifier {
  private readonly parameters: ReadonlyMap<string, Variable>;

  constructor(
    readonly sizes: EfficientVitSizes,
    random: Random,
  ) {
    this.parameters = new Map(
      parameterTable(sizes).map((parameter) => {
        const initial = tf.tensor(initialValues(parameter, sizes, random), [...parameter.shape]);
        const variable = tf.variable(initial);
        initial.dispose();
        return [parameter.name, variable];
      }),
    );
  }

  /** In the order of `parameterTable`, which is PyTorch's. */
  get variables(): readonly Variable[] {
    return [...this.parameters.values()];
  }

  rectify(quantized: Tensor4D): Tensor4D {
    if (quantized.shape[0] === 0) return tf.clone(quantized); // no backend's kernels take an empty batch
    return tf.tidy(() => efficientVit(quantized, this.sizes, (name) => this.parameters.get(name)!));
  }

  /** PyTorch's names and layouts. */
  state(): NamedTensors {
    return Object.fromEntries(this.parameters);
  }

  /** Takes all parameters or, when one is missing, misshapen or unknown, none. */
  restore(state: NamedTensors): void {
    const unknown = Object.keys(state).filter((name) => !this.parameters.has(name));
    if (unknown.length > 0) {
      throw new RevqError(
        "state-unknown-tensor",
        `The rectifier has no parameter ${unknown.slice(0, 3).join(", ")}${unknown.length > 3 ? ", …" : ""}: ` +
          `it has ${this.sizes.layers} layers of ${this.sizes.channels} channels.`,
        { fix: "The options in config.json must be those that the weights were made with." },
      );
    }
    const values = [...this.parameters].map(([name, variable]) => requireTensor(state, name, variable.shape));
    // A clone, because assigning a variable to itself would free it first.
    tf.tidy(() => this.variables.forEach((variable, index) => variable.assign(tf.clone(values[index]!))));
  }

  dispose(): void {
    for (const variable of this.parameters.values()) variable.dispose();
  }
}
