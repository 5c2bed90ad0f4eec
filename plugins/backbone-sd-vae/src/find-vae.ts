/**
 * Finds the VAE among the tensors of a file: alone, in a checkpoint's state dict, or as one part of
 * a whole model. The result has diffusers' names.
 */
import { RevqError } from "@revq/core";
import { shortList, type TensorFile } from "@revq/formats";
import { diffusersNames, originalLayer } from "./original-names.js";

/** The parts of an AutoencoderKL; other tensors beside them belong to other networks. */
const parts = /^(encoder|decoder|quant_conv|post_quant_conv)\./;
/** A layer that every decoder has, under both kinds of names. */
const anchor = "decoder.conv_in.weight";

/**
 * A view of the VAE's tensors under diffusers' names.
 * @param note is told when the file holds several VAEs
 * @throws RevqError `sd-vae-tensors`: the file holds none, or a network of another kind
 */
export function findVae(file: TensorFile, note: (line: string) => void = () => {}): TensorFile {
  const all = [...file.tensors.keys()];
  const prefixes = all
    .filter((name) => name === anchor || name.endsWith(`.${anchor}`))
    .map((name) => name.slice(0, -anchor.length))
    .filter((prefix) => file.tensors.has(`${prefix}encoder.conv_in.weight`))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const [prefix, ...others] = prefixes;
  if (prefix === undefined) throw notFound(file, all);
  if (others.length > 0) note(`${file.name} holds ${prefixes.length} VAEs; using the one under "${prefix}".`);
  const own = all.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  refuseOtherKinds(file, prefix, own);
  const names = own.filter((name) => parts.test(name));
  const renamed = own.includes(originalLayer)
    ? diffusersNames(names)
    : new Map(names.map((name) => [name, name] as const));
  // FLUX.2 keeps the quantizing convolutions inside the halves.
  const sources = new Map(
    [...renamed].map(([name, to]) => [
      to.replace(/^(encoder\.quant|decoder\.post_quant)_conv\./, inner),
      prefix + name,
    ]),
  );
  const source = (name: string): string => sources.get(name) ?? name;
  return {
    name: file.name,
    tensors: new Map([...sources].map(([name, from]) => [name, file.tensors.get(from)!])),
    read: (name) => file.read(source(name)),
    readFloat32: (name) => file.readFloat32(source(name)),
  };
}

const inner = (name: string): string => name.slice(name.indexOf(".") + 1);

/** Autoencoders that share names with an AutoencoderKL. */
function refuseOtherKinds(file: TensorFile, prefix: string, names: readonly string[]): void {
  const shape = file.tensors.get(prefix + anchor)!.shape;
  if (shape.length !== 4) {
    throw refusal(
      file,
      `the decoder's first layer has a kernel of ${shape.length} axes, as in a VAE for ${shape.length === 5 ? "video" : "other data"}`,
      "Use the VAE of an image model.",
    );
  }
  if (names.some((name) => /^quantize\.|^codebook\./.test(name))) {
    throw refusal(
      file,
      "it has a codebook (quantize), so it is a VQ-VAE, whose latents are quantized already",
      "Use a VAE with continuous latents, such as kl-f8.",
    );
  }
  const attention = names.find((name) => /^(encoder\.down|decoder\.up)(_blocks)?\.\d+\.(attn|attentions)\./.test(name));
  if (attention !== undefined) {
    throw refusal(
      file,
      `"${prefix}${attention}" is attention outside the middle block, which is not supported`,
      "Use a VAE with attention in the middle block only, as those of Stable Diffusion and FLUX.",
    );
  }
  if (!names.some((name) => /^decoder\.mid(_block\.resnets\.0|\.block_1)\./.test(name))) {
    throw refusal(
      file,
      "its decoder has no middle block of residual layers, so it is an autoencoder of another kind",
      "A DC-AE has the backbone dc-ae, a tiny autoencoder the backbone tae.",
    );
  }
}

function notFound(file: TensorFile, names: readonly string[]): RevqError {
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  const what = `it has no tensors encoder.conv_in.weight and ${anchor}, but ${shortList(names, 3).replace(/files\)$/, "tensors)")}`;
  if (has(/^(encoder|decoder)\.layers\.|^\d+\.(conv\.\d\.)?weight$/))
    return refusal(file, what, "This looks like a tiny autoencoder: use the backbone tae.");
  const [half, ...more] = (["encoder", "decoder"] as const).filter((one) =>
    names.some((name) => `.${name}`.includes(`.${one}.conv_in.`)),
  );
  if (half !== undefined && more.length === 0) {
    const missing = half === "encoder" ? "decoder" : "encoder";
    return refusal(
      file,
      `it has no tensors ${missing}.*, only those of the ${half}`,
      `The ${missing} is missing. Use the whole VAE.`,
    );
  }
  if (has(/diffusion_model|double_blocks|transformer_blocks|down_blocks\.\d+\.attentions/)) {
    return refusal(
      file,
      what,
      "This is a diffusion model without its VAE. The VAE is a file of its own: ae.safetensors, or the folder vae/.",
    );
  }
  return refusal(file, what, "Name the file of the VAE, or of a whole model that contains it.");
}

function refusal(file: TensorFile, problem: string, fix: string): RevqError {
  return new RevqError("sd-vae-tensors", `${file.name} does not hold an AutoencoderKL: ${problem}.`, {
    fix,
    setting: { path: "backbone.weights" },
  });
}
