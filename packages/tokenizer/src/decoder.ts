/**
 * An adapted decoder: the backbone's, with other weights. It was trained on the tokenizer's latents
 * and makes its images. The encoder stays the backbone's.
 */
import { fingerprint, RevqError, toNamedArrays, type Backbone, type Disposable, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { DecoderConfig, DecoderMode } from "./decoder-config.js";

export interface AdaptedDecoder extends Disposable {
  /** The backbone with the adapted weights. */
  readonly backbone: Backbone;
  /** The tensors of the file, without the prefix `decoder.`; borrowed. */
  state(): NamedTensors;
}

export interface AdaptedDecoderInput {
  /** The one with the weights that it was published with. Stays the caller's. */
  readonly backbone: Backbone;
  readonly mode: DecoderMode;
  /** As `AdaptedDecoder.state` gives them. Copied. */
  readonly tensors: NamedTensors;
  /** Makes a backbone from its state: the plugin's `create`. */
  readonly create: (state: NamedTensors) => Promise<Backbone>;
}

/** Tensors that were not trained are shared with the backbone, if the backbone's plugin allows it. */
export async function createAdaptedDecoder(input: AdaptedDecoderInput): Promise<AdaptedDecoder> {
  const { backbone, mode, tensors, create } = input;
  const adapted = tf.tidy(() => ({ ...adaptedTensors(mode, backbone.state(), tensors) }));
  let made: Backbone;
  try {
    made = await create({ ...backbone.state(), ...adapted });
  } finally {
    tf.dispose(adapted);
  }
  const kept = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tf.clone(tensor)]));
  let disposed = false;
  return {
    backbone: made,
    state: () => kept,
    dispose() {
      if (disposed) return;
      disposed = true;
      made.dispose();
      tf.dispose({ ...kept });
    },
  };
}

/**
 * Checks that the tensors are those that config.json names. Throws `decoder-fingerprint`.
 * @param where the tokenizer, for the error
 */
export async function checkDecoder(config: DecoderConfig, tensors: NamedTensors, where: string): Promise<void> {
  const found = await fingerprint(await toNamedArrays(tensors));
  if (found === config.fingerprint) return;
  throw new RevqError(
    "decoder-fingerprint",
    `model.safetensors of ${where} holds another decoder than config.json names: ` +
      `config.json expects ${config.fingerprint.slice(0, 12)}…, the file gives ${found.slice(0, 12)}….`,
    { fix: "The two files must be of one training. Restore both from one copy." },
  );
}

/**
 * The tensors of the backbone that change, by their name in its state. Call it inside `tf.tidy`;
 * differentiable. Modes `last` and `all`: the given ones. `lora`: weight + a b, with the factors
 * `NAME.a` `[rows, rank]` and `NAME.b` `[rank, columns]`; rows x columns is the weight's size.
 *
 * @throws RevqError `decoder-tensors`
 */
export function adaptedTensors(mode: DecoderMode, state: NamedTensors, tensors: NamedTensors): NamedTensors {
  const names = Object.keys(tensors);
  if (names.length === 0) throw damaged("There are none.");
  if (mode !== "lora") {
    return Object.fromEntries(names.map((name) => [name, sameShape(weightOf(state, name), tensors[name]!, name)]));
  }
  const changed: Record<string, Tensor> = {};
  for (const part of names) {
    const [, name, factor] = /^(.+)\.([ab])$/.exec(part) ?? [];
    if (name === undefined) throw damaged(`"${part}" is no factor: its name does not end in .a or .b.`);
    const [a, b] = [tensors[`${name}.a`], tensors[`${name}.b`]];
    if (!a || !b) throw damaged(`"${name}" has no factor ${a ? "b" : "a"}.`);
    if (factor === "a") changed[name] = lowRankSum(weightOf(state, name), a, b, name);
  }
  return changed;
}

function lowRankSum(weight: Tensor, a: Tensor, b: Tensor, name: string): Tensor {
  const [rows, rank] = a.shape;
  const [inner, columns] = b.shape;
  if (a.rank !== 2 || b.rank !== 2 || rank !== inner || rows! * columns! !== weight.size) {
    throw damaged(`The factors [${a.shape}] and [${b.shape}] do not fit "${name}" of shape [${weight.shape}].`);
  }
  return tf.add(weight, tf.reshape(tf.matMul(a as Tensor2D, b as Tensor2D), weight.shape));
}

function sameShape(weight: Tensor, tensor: Tensor, name: string): Tensor {
  if (tf.util.arraysEqual(weight.shape, tensor.shape)) return tf.clone(tensor);
  throw damaged(`"${name}" has shape [${tensor.shape}], the backbone's has [${weight.shape}].`);
}

function weightOf(state: NamedTensors, name: string): Tensor {
  const weight = state[name];
  if (weight) return weight;
  throw damaged(`The backbone has no tensor "${name}".`);
}

function damaged(what: string): RevqError {
  return new RevqError("decoder-tensors", `The tensors of the adapted decoder do not fit. ${what}`, {
    fix: "config.json and model.safetensors must be of one training. Restore both from one copy.",
  });
}
