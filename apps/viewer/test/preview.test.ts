/** The picture soon after an edit: the changed area alone is decoded, and the picture is near the exact one. */
import { efficientvit } from "@revq/rectifier-efficientvit";
import { sdVae } from "@revq/backbone-sd-vae";
import type { Backbone } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { multigroup } from "@revq/quantizer-multigroup";
import { Tokenizer } from "@revq/tokenizer";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import { dctKlt } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyIds } from "../src/page/actions/edits.js";
import { App } from "../src/page/app.js";
import { nothingEncoded, openedOf, type OpenedTokenizer } from "../src/page/state.js";
import type { Call } from "../src/protocol/client.js";
import type { DecodeEvent } from "../src/protocol/messages.js";
import { changedArea, previewPixels, type Decoded } from "../src/worker/preview.js";
import { decodeIds, type OpenSlot } from "../src/worker/run.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
});
afterAll(() => engine.dispose());

const shape = { channels: 3, height: 16, width: 16 };
const size = 16 * 16 * 3;
const changedAt = (values: Float32Array, y: number, x: number, by: number): Float32Array => {
  const result = values.slice();
  result[(y * 16 + x) * 3] = result[(y * 16 + x) * 3]! + by;
  return result;
};

describe("the changed area", () => {
  const before = new Float32Array(size);
  it("is what differs and three latents around it, within the latent", () => {
    const after = changedAt(changedAt(before, 5, 7, 1), 6, 9, -2);
    expect(changedArea(before, after, shape)).toEqual({ top: 2, left: 4, height: 8, width: 9 });
    expect(changedArea(before, changedAt(before, 0, 15, 1), shape)).toEqual({ top: 0, left: 12, height: 4, width: 4 });
  });
  it("leaves out what an attention changes by a little", () => {
    const after = changedAt(changedAt(before, 8, 8, 1), 0, 0, 0.04);
    expect(changedArea(before, after, shape)).toEqual({ top: 5, left: 5, height: 7, width: 7 });
  });
  it("is null where nothing differs", () => {
    expect(changedArea(before, before.slice(), shape)).toBeNull();
  });
});

describe("a decoder that sees each latent by itself", () => {
  const decoder = () => {
    const sizes: number[][] = [];
    const decode = async (latents: tf.Tensor4D): Promise<tf.Tensor4D> => {
      sizes.push(latents.shape.slice(1, 3));
      return tf.image.resizeNearestNeighbor(latents, [2 * latents.shape[1], 2 * latents.shape[2]]);
    };
    return { sizes, backbone: { decode } as unknown as Backbone };
  };
  const space = { unstandardize: <T extends tf.Tensor>(x: T): T => tf.clone(x) };
  const whole = async (latents: Float32Array): Promise<Float32Array> =>
    (await tf.image.resizeNearestNeighbor(tf.tensor4d(latents, [1, 16, 16, 3]), [32, 32]).data()) as Float32Array;

  it("gives the exact picture, and decodes a place once when it is edited again", async () => {
    const { sizes, backbone } = decoder();
    const latents = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
    const before: Decoded = { latents, pixels: await whole(latents), part: null };
    const first = changedAt(latents, 4, 11, 1);
    const found = await previewPixels(backbone, space, shape, before, first);
    const expected = await whole(first);
    found!.pixels.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    expect(sizes).toEqual([
      [7, 7],
      [7, 7],
    ]);
    const after: Decoded = { latents: first, pixels: expected, part: found!.part };
    const second = changedAt(first, 4, 11, -3);
    const again = await previewPixels(backbone, space, shape, after, second);
    const exact = await whole(second);
    again!.pixels.forEach((value, i) => expect(value).toBeCloseTo(exact[i]!, 5));
    expect(sizes).toHaveLength(3);
    await previewPixels(backbone, space, shape, after, changedAt(first, 12, 3, 1)); // elsewhere
    expect(sizes).toHaveLength(5);
  });

  it("makes none where much has changed, nor with a decoder of one size", async () => {
    const { sizes, backbone } = decoder();
    const latents = new Float32Array(size);
    const before: Decoded = { latents, pixels: await whole(latents), part: null };
    expect(await previewPixels(backbone, space, shape, before, new Float32Array(size).fill(1))).toBeNull();
    expect(sizes).toEqual([]);
    const fixed = { decode: () => Promise.reject(new Error("16 x 16 only")) } as unknown as Backbone;
    const tensors = tf.memory().numTensors;
    expect(await previewPixels(fixed, space, shape, before, changedAt(latents, 1, 1, 1))).toBeNull();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

it("is near the exact picture of the bundled tokenizer, and comes before it", { timeout: 60_000 }, async () => {
  const folder = await openWeights(fileURLToPath(tokenizerFolder));
  const plugins = [sdVae, dctKlt, multigroup, efficientvit];
  const tokenizer = await Tokenizer.load(folder, { plugins, openWeights });
  const picture = tf.tidy(() =>
    tf.tensor4d(
      Float32Array.from({ length: 256 * 256 * 3 }, (_, i) => Math.sin(i / 9000) * Math.cos((i % 768) / 90)),
      [1, 256, 256, 3],
    ),
  );
  const encoded = await tokenizer.quantizeLatents(await tokenizer.backbone.encode(picture));
  const ids = (await encoded.ids.data()) as Int32Array;
  const description = { footprints: { starts: new Int32Array(ids.length + 1), indices: new Int32Array() } };
  const slot = { tokenizer, description, original: null, decoded: null } as unknown as OpenSlot;
  const steps: string[] = [];
  const events: DecodeEvent[] = [];
  const context = {
    signal: new AbortController().signal,
    emit: (event: DecodeEvent) => void (steps.push("preview"), events.push(event)),
    rest: async () => void steps.push("rest"),
  };
  const request = { slot: "a", stages: ["rectified"], score: false, preview: true } as const;
  const first = await decodeIds(slot, { ...request, ids }, context);
  expect(steps).toEqual([]); // nothing to start from
  const edited = ids.slice();
  edited[0] = (edited[0]! + 300) % 1024;
  const second = await decodeIds(slot, { ...request, ids: edited }, context);
  expect(steps).toEqual(["preview", "rest"]);
  const [before, exact] = [first, second].map(({ images }) => images[0]!.image.data);
  const preview = events[0]!.image.data;
  const largest = (a: Uint8ClampedArray, b: Uint8ClampedArray): number =>
    a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);
  expect(largest(before!, exact!)).toBeGreaterThan(10);
  expect(largest(preview, exact!)).toBeLessThan(largest(before!, exact!) / 4);
  tokenizer.dispose();
});

it("is shown until the exact picture comes, without a score", async () => {
  const image = (value: number) => ({ width: 1, height: 1, data: new Uint8ClampedArray(4).fill(value) });
  const report = { map: null, tokenErrors: null, latentMse: null };
  const metrics = { psnr: 20, ssim: 0.5 };
  const states: unknown[] = [];
  const call = async (_: string, request: { preview?: boolean }, options: { onEvent: (event: unknown) => void }) => {
    expect(request.preview).toBe(true);
    options.onEvent({ kind: "preview", image: image(1), report });
    states.push(openedOf(app.store.state, "a")!.encoded!.edited?.rectified);
    return { images: [{ stage: "rectified", image: image(2), metrics }], report };
  };
  const app = new App(call as unknown as Call);
  const layout = { count: 1, codebookSizes: [4], groupOf: new Int32Array(1) };
  const footprints = { starts: Int32Array.of(0, 1), indices: Int32Array.of(0) };
  const description = { layout, footprints, latentShape: [1, 1, 1], noImages: null };
  const ids = Int32Array.of(2);
  const encoded = { ...nothingEncoded("one", ids), tokens: { ids } };
  app.store.set({ a: { status: "ready", description, encoded, codebooks: new Map() } as unknown as OpenedTokenizer });
  await applyIds(app, "a", Int32Array.of(3));
  states.push(openedOf(app.store.state, "a")!.encoded!.edited?.rectified);
  expect(states).toEqual([
    { image: image(1), metrics: null },
    { image: image(2), metrics },
  ]);
});
