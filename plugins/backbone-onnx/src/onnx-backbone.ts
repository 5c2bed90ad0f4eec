/**
 * Two ONNX models as a backbone. The encoder takes images [n, 3, H, W] in [-1, 1]. Its output, or
 * the first half of it, is the latent. Both models run once on a black image of the training size,
 * which gives the shapes.
 */
import { latentShapeOf, RevqError, type Backbone, type BackboneSpec } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ModelBytes } from "./find-models.js";
import { openModel, type OnnxModel, type Planes } from "./model.js";
import { bytesToTensor } from "./model-state.js";
import type { OnnxOptions } from "./options.js";
import type { Provider } from "./runtime.js";

/** Image pixels in a model at once. */
const pixelsAtOnce = 4 * 256 * 256;

/** @throws RevqError `onnx-*`, `image-size` */
export async function createOnnxBackbone(
  bytes: ModelBytes,
  { provider, latent }: OnnxOptions,
  imageSize: number,
): Promise<Backbone> {
  const chosen = provider === "auto" ? providerOfEngine() : provider;
  const fallback = provider === "auto" ? "cpu" : undefined;
  const open: OnnxModel[] = [];
  try {
    const encoder = await openModel("the encoder", bytes.encoder, chosen, fallback);
    open.push(encoder);
    const decoder = bytes.decoder && (await openModel("the decoder", bytes.decoder, chosen, fallback));
    if (decoder) open.push(decoder);
    const { spec, halve } = await tryOut(encoder, decoder, latent, imageSize);
    const state = {
      encoder: bytesToTensor(bytes.encoder),
      ...(bytes.decoder ? { decoder: bytesToTensor(bytes.decoder) } : {}),
    };
    let disposed = false;
    return {
      spec,
      async encode(images) {
        const [, height, width] = images.shape;
        const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
        checkFixed(encoder, height, width);
        const each = [h, w, spec.latentChannels] as const;
        return inChunks(images, height * width, each, async (planes) => {
          const result = await encoder.run(planes);
          return halve ? firstHalf(result) : result;
        });
      },
      async decode(latents) {
        if (!decoder) {
          throw new RevqError("backbone-cannot-decode", "There is no decoder.onnx, so latents cannot be decoded.", {
            fix: "Put the decoder beside the encoder, or score latents instead.",
          });
        }
        const [n, h, w, channels] = latents.shape;
        if (channels !== spec.latentChannels) {
          throw new RevqError(
            "latent-shape",
            `Latents of ${channels} channels were given to ${spec.name}, which has ${spec.latentChannels}.`,
          );
        }
        const [height, width] = [h * spec.downsample, w * spec.downsample];
        if (n > 0) checkFixed(decoder, h, w);
        return inChunks(latents, height * width, [height, width, 3], (planes) => decoder.run(planes));
      },
      state: () => state,
      dispose() {
        if (disposed) return;
        disposed = true;
        for (const model of open) model.dispose();
        tf.dispose(state);
      },
    };
  } catch (error) {
    for (const model of open) model.dispose();
    throw error;
  }
}

/**
 * Encodes a black image twice and decodes it. Gives the shapes; refuses an encoder whose output is
 * random.
 */
async function tryOut(
  encoder: OnnxModel,
  decoder: OnnxModel | undefined,
  latent: OnnxOptions["latent"],
  imageSize: number,
): Promise<{ spec: BackboneSpec; halve: boolean }> {
  checkFixed(encoder, imageSize, imageSize);
  const channelsTaken = encoder.inputShape[1] ?? 3;
  if (channelsTaken !== 3) {
    throw new RevqError(
      "onnx-model-interface",
      `The encoder takes ${channelsTaken} channels; an image has 3. Is it the decoder?`,
      { fix: "Name the folder in which encoder.onnx takes images.", setting: { path: "backbone.weights" } },
    );
  }
  const black: Planes = { shape: [1, 3, imageSize, imageSize], data: new Float32Array(3 * imageSize ** 2).fill(-1) };
  const [output, again] = [await encoder.run(black), await encoder.run(black)];
  if (output.data.some((value, index) => value !== again.data[index])) {
    throw new RevqError(
      "onnx-encoder-random",
      "The encoder gives another latent for the same image each time: it draws a sample.",
      {
        fix: "Export it without the sampling: it must give the mean, or mean and log-variance (optimum's `latent_parameters`).",
      },
    );
  }
  const [, channels, h, w] = output.shape;
  const downsample = imageSize / h;
  if (!Number.isInteger(downsample) || h !== w) {
    throw new RevqError(
      "onnx-latent-shape",
      `The encoder maps an image of ${imageSize} x ${imageSize} to a latent of ${h} x ${w}, which does not divide it evenly.`,
      { fix: "Use an image size that the model divides evenly.", setting: { path: "data.imageSize" } },
    );
  }
  const taken = decoder?.inputShape[1] ?? null;
  const twice = encoder.outputName === "latent_parameters" || (taken !== null && taken * 2 === channels);
  const halve = latent === "mean" || (latent === "auto" && twice);
  const latentChannels = halve ? channels / 2 : channels;
  if (!Number.isInteger(latentChannels)) {
    throw new RevqError(
      "onnx-latent-shape",
      `The encoder gives ${channels} channels, an odd number, so they are not mean and log-variance.`,
      { fix: "Use all of the encoder's output.", setting: { path: "backbone.latent", value: "all" } },
    );
  }
  if (decoder) await tryDecoder(decoder, halve ? firstHalf(output) : output, imageSize);
  const name = `onnx f${downsample}c${latentChannels} (${encoder.provider})`;
  return { spec: { name, downsample, latentChannels, decodes: decoder !== undefined }, halve };
}

async function tryDecoder(decoder: OnnxModel, latent: Planes, imageSize: number): Promise<void> {
  const [, c, h, w] = latent.shape;
  const taken = decoder.inputShape[1] ?? c;
  if (taken !== c) {
    throw new RevqError(
      "onnx-latent-shape",
      `The encoder gives latents of ${c} channels, the decoder takes ${taken}: they are not of one VAE.`,
      {
        fix: "Use encoder and decoder of one model. If the encoder gives mean and log-variance, take the mean.",
        setting: { path: "backbone.latent", value: "mean" },
      },
    );
  }
  checkFixed(decoder, h, w);
  const { shape } = await decoder.run(latent);
  if (shape[1] !== 3 || shape[2] !== imageSize || shape[3] !== imageSize) {
    throw new RevqError(
      "onnx-latent-shape",
      `The decoder gives [${shape}] for the latent of an image [1,3,${imageSize},${imageSize}].`,
      { fix: "Use encoder and decoder of one model." },
    );
  }
}

/** Refuses a size other than the one that the model was exported for. */
function checkFixed({ inputShape }: OnnxModel, height: number, width: number): void {
  const [, channels, h = null, w = null] = inputShape;
  const isImage = channels === 3;
  if ((h !== null && h !== height) || (w !== null && w !== width)) {
    throw new RevqError(
      "image-size",
      `This ONNX model was exported for inputs of ${h ?? "any"} x ${w ?? "any"}, got ${height} x ${width}.`,
      {
        fix: "Use images of the exported model's size, or export it with dynamic axes.",
        setting: { path: "data.imageSize", ...(h !== null && h === w && isImage ? { value: h } : {}) },
      },
    );
  }
}

function firstHalf({ shape: [n, c, h, w], data }: Planes): Planes {
  const half = (c / 2) * h * w;
  const result = new Float32Array(n * half);
  for (let i = 0; i < n; i++) result.set(data.subarray(2 * i * half, (2 * i + 1) * half), i * half);
  return { shape: [n, c / 2, h, w], data: result };
}

/** Runs a batch in parts. The model sees channels first; input and output have channels last. */
async function inChunks(
  batch: tf.Tensor4D,
  pixelsEach: number,
  output: readonly [height: number, width: number, channels: number],
  run: (planes: Planes) => Promise<Planes>,
): Promise<tf.Tensor4D> {
  const [n, height, width, channels] = batch.shape;
  if (n === 0) return tf.zeros([0, ...output]);
  const size = Math.max(1, Math.floor(pixelsAtOnce / pixelsEach));
  const parts: tf.Tensor4D[] = [];
  try {
    for (let start = 0; start < n; start += size) {
      const count = Math.min(size, n - start);
      const first = tf.tidy(() =>
        tf.transpose(tf.slice(batch, [start, 0, 0, 0], [count, height, width, channels]), [0, 3, 1, 2]),
      );
      const data = (await first.data()) as Float32Array;
      first.dispose();
      const result = await run({ shape: [count, channels, height, width], data });
      parts.push(tf.tidy(() => tf.transpose(tf.tensor4d(result.data, [...result.shape]), [0, 2, 3, 1])));
    }
    return parts.length === 1 ? tf.clone(parts[0]!) : tf.concat(parts, 0);
  } finally {
    tf.dispose(parts);
  }
}

/** The provider that fits the current tfjs backend. */
function providerOfEngine(): Provider {
  const backend = tf.getBackend();
  if (backend === "webgpu") return "webgpu";
  const onCuda = backend === "tensorflow" && (tf.backend() as { isGPUPackage?: boolean }).isGPUPackage === true;
  return onCuda ? "cuda" : "cpu";
}
