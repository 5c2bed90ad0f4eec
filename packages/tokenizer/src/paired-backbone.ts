/**
 * The encoder of one VAE with the decoder of another of the same latent space. Latents are the
 * encoder's, unchanged; they are brought to the decoder's scale before it sees them.
 */
import {
  RevqError,
  underPrefix,
  withPrefix,
  type Backbone,
  type DecoderGradients,
  type LatentScaling,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/**
 * Owns both backbones from now on, not when it throws. Its state has all of their tensors, as
 * `encoder.*` and `decoder.*`.
 *
 * @throws RevqError `backbone-pair-shape`, `backbone-pair-space`, `backbone-pair-fitted`,
 * `backbone-cannot-decode`
 *
 * @example
 * import type { Backbone } from "@revq/core";
 * import * as tf from "@tensorflow/tfjs-core";
 * const spec = { name: "a VAE", downsample: 1, latentChannels: 3, decodes: true };
 * const vae = (scaling: Backbone["scaling"], factor: number): Backbone => ({
 *   spec,
 *   scaling,
 *   encode: async (images) => tf.mul(images, factor),
 *   decode: async (latents) => tf.div(latents, factor),
 *   state: () => ({}),
 *   dispose: () => {},
 * });
 * const own = vae({ scale: 4, shift: 0, applied: false }, 1);
 * const scaled = vae({ scale: 4, shift: 0, applied: true }, 4);
 * const pair = pairBackbones(scaled, own);
 * const image = tf.tensor4d([0.5, 0.25, -1], [1, 1, 1, 3]);
 * const latents = await pair.encode(image);
 * await latents.data(); // => [2, 1, -4]
 * await (await pair.decode(latents)).data(); // => [0.5, 0.25, -1]
 */
export function pairBackbones(encoder: Backbone, decoder: Backbone): Backbone {
  checkPair(encoder, decoder);
  const convert = conversion(encoder.scaling, decoder.scaling);
  const state = { ...withPrefix("encoder", encoder.state()), ...withPrefix("decoder", decoder.state()) };
  const name = `${encoder.spec.name}, decoder of ${decoder.spec.name}`;
  return {
    spec: { ...encoder.spec, name, decodes: true },
    encoder,
    ...(encoder.scaling === undefined ? {} : { scaling: encoder.scaling }),
    encode: (images) => encoder.encode(images),
    async decode(latents) {
      const converted = tf.tidy(() => convert(latents));
      try {
        return await decoder.decode(converted);
      } finally {
        if (converted !== latents) converted.dispose();
      }
    },
    state: () => state,
    ...(decoder.gradients ? { gradients: convertedGradients(decoder.gradients, convert) } : {}),
    dispose() {
      encoder.dispose();
      decoder.dispose();
    },
  };
}

function convertedGradients(
  { stages, decode }: DecoderGradients,
  convert: (latents: Tensor4D) => Tensor4D,
): DecoderGradients {
  return {
    stages: stages.map((names) => names.map((name) => `decoder.${name}`)),
    decode: (latents, weights = {}) => decode(convert(latents), underPrefix("decoder", weights)),
  };
}

/** Latents of the one -> latents of the other. Differentiable; the same tensor where nothing changes. */
function conversion(from: Backbone["scaling"], to: Backbone["scaling"]): (latents: Tensor4D) => Tensor4D {
  const [multiplied, divided] = [to?.applied === true, from?.applied === true];
  if (multiplied === divided) return (latents) => latents; // of the same factors: `checkPair`
  if (divided) return (latents) => tf.add(tf.div(latents, from!.scale), from!.shift);
  return (latents) => tf.mul(tf.sub(latents, to!.shift), to!.scale);
}

function checkPair(encoder: Backbone, decoder: Backbone): void {
  const other = { setting: { path: "backbone.decoder.id" } };
  const [one, two] = [encoder.spec, decoder.spec];
  const fitted = [encoder, decoder].find(({ fit }) => fit !== undefined);
  if (fitted) {
    throw new RevqError(
      "backbone-pair-fitted",
      `${fitted.spec.name} is fitted on the images, so its latents are its own: no other VAE shares them.`,
      { fix: "Use pretrained VAEs of one latent space, or one backbone alone.", ...other },
    );
  }
  if (!two.decodes) {
    throw new RevqError("backbone-cannot-decode", `${two.name} has no decoder, so it cannot make images.`, {
      fix: "Name a VAE that decodes.",
      ...other,
    });
  }
  if (one.downsample !== two.downsample || one.latentChannels !== two.latentChannels) {
    throw new RevqError(
      "backbone-pair-shape",
      `${one.name} and ${two.name} do not have one latent space: ${shapeText(encoder)} and ${shapeText(decoder)}.`,
      {
        fix: "Use a decoder for the encoder's latents: taesd for Stable Diffusion 1 and 2, taesdxl for SDXL, taesd3 for SD3, taef1 for FLUX.1, taesana for Sana's dc-ae.",
        ...other,
      },
    );
  }
  const [a, b] = [encoder.scaling, decoder.scaling];
  if ((a === null) !== (b === null)) {
    const { spec } = a === null ? encoder : decoder;
    throw new RevqError(
      "backbone-pair-space",
      `The latents of ${spec.name} are normalized by statistics that are not known here, so ${one.name} and ${two.name} cannot be joined.`,
      { fix: "Use the backbone alone.", ...other },
    );
  }
  if (a && b && (differs(a.scale, b.scale) || differs(a.shift, b.shift))) {
    throw new RevqError(
      "backbone-pair-space",
      `${one.name} and ${two.name} are of different latent spaces: ${factorText(a)} and ${factorText(b)}.`,
      {
        fix: "Use the VAE whose latents the encoder makes. Of a tiny autoencoder, check the variant: taesd and taesdxl have the same shape.",
        ...other,
      },
    );
  }
}

/** Model files round the factors to a few digits. */
function differs(a: number, b: number): boolean {
  return Math.abs(a - b) > 1e-3 * Math.max(1e-1, Math.abs(a));
}

function shapeText({ spec: { downsample, latentChannels } }: Backbone): string {
  return `${latentChannels} channels, one position for ${downsample} x ${downsample} pixels`;
}

function factorText({ scale, shift }: LatentScaling): string {
  return `scaling factor ${scale}${shift === 0 ? "" : `, shift ${shift}`}`;
}
