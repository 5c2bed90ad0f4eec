/** Tensors by name, as checkpoints and tokenizer files hold them, and their fingerprint. */
import type { Tensor } from "@tensorflow/tfjs-core";
import { RevqError } from "./errors.js";

/** Tensors by name. `state()` lends them: the owner disposes them. `restore()` copies its input. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** A tensor on the host, as files hold it. Row-major. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}
export type NamedArrays = Readonly<Record<string, NamedArray>>;

/**
 * Adds `prefix.` to every name.
 *
 * @example
 * withPrefix("quantizer", { codebook: 1 }); // => { "quantizer.codebook": 1 }
 */
export function withPrefix<T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [`${prefix}.${name}`, value]));
}

/**
 * The entries with names that start with `prefix.`, without it.
 *
 * @example
 * underPrefix("quantizer", { "quantizer.codebook": 1, "rectifier.bias": 2 }); // => { codebook: 1 }
 */
export function underPrefix<T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  const start = `${prefix}.`;
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(start))
      .map(([name, value]) => [name.slice(start.length), value]),
  );
}

/**
 * Downloads tensors. float32 stays float32; int32 and bool become int32.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * await tf.setBackend("cpu");
 * const arrays = await toNamedArrays({ scale: tf.tensor1d([0.5, 2]) });
 * arrays.scale; // => { shape: [2], data: [0.5, 2] }
 */
export async function toNamedArrays(tensors: NamedTensors): Promise<Record<string, NamedArray>> {
  const arrays: Record<string, NamedArray> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = await tensor.data();
    arrays[name] = {
      shape: [...tensor.shape],
      data: data instanceof Float32Array || data instanceof Int32Array ? data : Int32Array.from(data),
    };
  }
  return arrays;
}

/**
 * The tensor of that name. Throws `state-missing-tensor`, and `state-misshapen-tensor` for another
 * shape. null in `shape` matches any size.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * await tf.setBackend("cpu");
 * const codebook = tf.zeros([16, 4]);
 * requireTensor({ codebook }, "codebook", [null, 4]) === codebook; // => true
 */
export function requireTensor(state: NamedTensors, name: string, shape?: readonly (number | null)[]): Tensor {
  const tensor = state[name];
  if (!tensor) {
    throw new RevqError(
      "state-missing-tensor",
      `The state has no tensor "${name}" (it has ${Object.keys(state).sort().join(", ") || "none"}).`,
      { fix: "Use the plugin, and the version of it, that wrote the state." },
    );
  }
  const matches =
    !shape ||
    (shape.length === tensor.shape.length && shape.every((size, axis) => size === null || size === tensor.shape[axis]));
  if (!matches) {
    throw new RevqError(
      "state-misshapen-tensor",
      `Tensor "${name}" has shape [${tensor.shape}], expected [${shape.map((size) => size ?? "any")}].`,
      { fix: "Use the options that the weights were made with; for a tokenizer they are in config.json." },
    );
  }
  return tensor;
}

/**
 * SHA-256 over names (sorted), dtypes, shapes and float32 / int32 little-endian values, as 64 hex
 * digits. The same weights give the same fingerprint whatever file format or engine they came
 * through.
 */
export async function fingerprint(arrays: NamedArrays): Promise<string> {
  const lines = await Promise.all(
    Object.keys(arrays)
      .sort()
      .map(async (name) => {
        const { shape, data } = arrays[name]!;
        const dtype = data instanceof Float32Array ? "F32" : "I32";
        const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
        return `${name} ${dtype} [${shape}] ${await sha256(bytes)}`;
      }),
  );
  return sha256(new TextEncoder().encode(lines.join("\n")));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
