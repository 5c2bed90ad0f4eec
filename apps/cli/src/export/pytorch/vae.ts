/** The encoder and the decoder of a tokenizer's VAE for PyTorch. Both may be of different VAEs, and the decoder adapted. */
import {
  RevqError,
  toNamedArrays,
  underPrefix,
  type Backbone,
  type LatentScaling,
  type NamedTensors,
} from "@revq/core";
import type { Tokenizer } from "@revq/tokenizer";
import { variants } from "@revq/backbone-tae/architecture";
import * as tf from "@tensorflow/tfjs-core";
import { affine } from "./network.js";
import type { DescribedPart } from "./python-part.js";
import type { VaeHalf } from "./vae-half.js";
import { describeKl } from "./vae-kl.js";
import { describeDc, describeLinear, describeTiny, variantOf } from "./vae-others.js";

interface KnownVae {
  readonly describe: (half: VaeHalf) => DescribedPart;
  /** A tensor of `Backbone.state()` in PyTorch's layout. Within `tf.tidy`. */
  readonly toTorch?: (tensor: tf.Tensor) => tf.Tensor;
}

const known: Readonly<Record<string, KnownVae>> = {
  "sd-vae": { describe: describeKl, toTorch: (tensor) => (tensor.rank === 2 ? tf.transpose(tensor) : kernel(tensor)) },
  // Of its kernels only those of full 3x3 convolutions are in the engines' layout.
  "dc-ae": {
    describe: describeDc,
    toTorch: (tensor) => (tensor.shape[1]! > 1 && tensor.shape[2]! > 1 ? kernel(tensor) : tensor),
  },
  tae: { describe: describeTiny },
  linear: { describe: describeLinear },
};

/** `[y, x, in, out]` -> `[out, in, y, x]` */
function kernel(tensor: tf.Tensor): tf.Tensor {
  return tensor.rank === 4 ? tf.transpose(tensor, [3, 2, 0, 1]) : tensor;
}

/** Null where the tokenizer cannot do that. Throws `export-pytorch`. */
export async function describeVae({
  parts,
  config,
}: Tokenizer): Promise<{ encoder: DescribedPart | null; decoder: DescribedPart | null }> {
  const { backbone } = parts;
  const saved = config.backbone;
  if (!backbone || !saved || config.imageSize === null) return { encoder: null, decoder: null };
  const imageSize = config.imageSize;
  const other = saved.decoder;
  const makesImages = parts.decoder?.backbone ?? backbone;
  const half = async (
    name: VaeHalf["half"],
    { id, options }: { readonly id: string; readonly options: Readonly<Record<string, unknown>> },
    state: NamedTensors,
  ): Promise<DescribedPart> => {
    const { describe, toTorch = (tensor) => tensor } = requireKnown(id);
    const own = other ? underPrefix(name, state) : state;
    const torch = tf.tidy(() =>
      Object.fromEntries(Object.entries(own).map(([key, tensor]) => [key, tf.clone(toTorch(tensor))])),
    );
    try {
      return describe({ half: name, options, state: await toNamedArrays(torch), imageSize });
    } finally {
      tf.dispose(torch);
    }
  };
  const encoder = await half("encoder", saved, backbone.state());
  if (!backbone.spec.decodes) return { encoder, decoder: null };
  const decoder = await half("decoder", other ?? saved, makesImages.state());
  return { encoder, decoder: other ? rescaled(decoder, backbone, other) : decoder };
}

/** Latents of the encoder's VAE are brought to the scale of the decoder's. */
function rescaled(
  decoder: DescribedPart,
  { scaling: from }: Backbone,
  other: { readonly id: string; readonly options: Readonly<Record<string, unknown>> },
): DescribedPart {
  const to = other.id === "tae" ? variants[variantOf(other.options)].scaling : null;
  const [divided, multiplied] = [from?.applied === true, to?.applied === true];
  if (divided === multiplied) return decoder;
  const { scale, shift } = divided ? { scale: 1 / from!.scale, shift: from!.shift } : backwards(to!);
  const part = { class: "Network", layers: [affine(scale, shift).layer, decoder.part] };
  return {
    ...decoder,
    part,
    tensors: Object.fromEntries(Object.entries(decoder.tensors).map(([k, v]) => [`1.${k}`, v])),
  };
}

/** (x - shift) * scale as a factor and a sum. */
function backwards({ scale, shift }: LatentScaling): { scale: number; shift: number } {
  return { scale, shift: -shift * scale };
}

function requireKnown(id: string): KnownVae {
  const found = known[id];
  if (found) return found;
  throw new RevqError(
    "export-pytorch",
    `The Python code knows the backbones ${Object.keys(known).join(", ")}, not ${id}.`,
    {
      fix: id === "onnx" ? "Run its ONNX files with ONNX Runtime, or revq itself." : "Export to ONNX or tfjs.",
    },
  );
}
