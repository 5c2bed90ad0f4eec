/**
 * The loss of pictures: its values have closed forms, its gradients are those that finite
 * differences give, on every engine that trains on a processor. Crops are what slices give.
 */
import { createRandom, type DecoderOutput } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { createLpips, lpipsTensors, type Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCropper, drawCrops } from "../src/pictures/crops.js";
import { pictureLoss, pictureTarget, type PictureWeights } from "../src/pictures/loss.js";

const off: PictureWeights = { lpips: 0, features: 0, pixels: 0 };

function noise(shape: number[], seed: number, scale = 1): Tensor {
  const random = createRandom(seed);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => scale * random.normal()),
    shape,
  );
}

/** LPIPS with random weights: as smooth as with learned ones. */
function randomLpips(): Lpips {
  let seed = 1;
  const fill = (shapes: ReadonlyMap<string, readonly number[]>, positive: boolean): Record<string, Tensor> =>
    Object.fromEntries(
      [...shapes].map(([name, shape]) => {
        const inputs = shape.slice(1).reduce((product, side) => product * side, 1);
        const values = noise([...shape], seed++, positive ? 1 : Math.sqrt(2 / inputs));
        return [name, positive ? tf.tidy(() => tf.abs(values)) : values];
      }),
    );
  const { backbone, heads } = lpipsTensors("squeeze");
  const weights = { backbone: fill(backbone, false), heads: fill(heads, true) };
  const lpips = createLpips("squeeze", weights);
  tf.dispose(weights);
  return lpips;
}

describe.each(["cpu", "wasm", "onnx"] as const)("on engine %s", (id) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: id });
  });
  afterAll(() => engine.dispose());

  it("is the weighted sum of pixels, features and LPIPS", async () => {
    const images = tf.fill([1, 2, 2, 3], 0.5) as Tensor4D;
    const target = tf.fill([1, 2, 2, 3], -0.5) as Tensor4D;
    // The target's variance is 1 and 4, the squared error 0.25 and 1.
    const feature = tf.tensor4d([1, -1], [1, 1, 2, 1]);
    const strong = tf.tensor4d([2, -2], [1, 1, 2, 1]);
    const goal: DecoderOutput = { images: target, features: [feature, strong] };
    const made: DecoderOutput = {
      images,
      features: [tf.tensor4d([1.5, -0.5], [1, 1, 2, 1]), tf.tensor4d([3, -1], [1, 1, 2, 1])],
    };
    const value = (weights: PictureWeights): number =>
      tf.tidy(() => pictureLoss(made, pictureTarget(goal, null), weights, null).dataSync()[0]!);
    expect(value({ ...off, pixels: 8 })).toBeCloseTo(8 * 0.25, 5); // half of the range
    expect(value({ ...off, features: 2 })).toBeCloseTo(2 * 0.25, 5);
    expect(value({ lpips: 5, features: 2, pixels: 8 })).toBeCloseTo(2.5, 5);
    expect(value(off)).toBe(0);
    tf.dispose([images, target, feature, strong, ...made.features]);
  });

  it("has the gradients that finite differences give, through LPIPS too", async () => {
    const lpips = randomLpips();
    const shape = [1, 17, 17, 3];
    const [start, goal] = [noise(shape, 90, 0.4), noise(shape, 91, 0.4)] as [Tensor4D, Tensor4D];
    const decode = (x: Tensor4D): DecoderOutput => ({ images: tf.tanh(x), features: [tf.sin(x)] });
    const slopes = (weights: PictureWeights): [gradient: number, difference: number] => {
      const loss = (x: Tensor4D): Scalar => pictureLoss(decode(x), pictureTarget(decode(goal), lpips), weights, lpips);
      return tf.tidy(() => {
        // Along the gradient: across it, the ReLUs' kinks are as large as the slope.
        const gradient = tf.grad((x) => loss(x as Tensor4D))(start) as Tensor4D;
        const length = tf.norm(gradient);
        const at = (step: number): number =>
          loss(tf.add(start, tf.mul(tf.div(gradient, length), step)) as Tensor4D).dataSync()[0]!;
        return [length.dataSync()[0]!, (at(1e-3) - at(-1e-3)) / 2e-3];
      });
    };
    for (const weights of [
      { ...off, lpips: 1 },
      { lpips: 0, features: 0.5, pixels: 10 },
    ]) {
      const [gradient, difference] = slopes(weights);
      expect(gradient).toBeGreaterThan(0.01);
      expect(difference / gradient).toBeCloseTo(1, 2);
    }
    tf.dispose([start, goal]);
    lpips.dispose();
  });

  it("crops as slices do, with their gradients", async () => {
    const shape = { channels: 2, height: 5, width: 7 };
    const crops = [
      { row: 4, top: 0, left: 4 },
      { row: 1, top: 2, left: 1 },
    ];
    const x = noise([2, 5, 7, 2], 3) as Tensor4D;
    const cropper = createCropper(crops, shape, 3);
    const sliced = (y: Tensor4D): Tensor4D =>
      tf.concat(
        crops.map(({ top, left }, i) => tf.slice(y, [i, top, left, 0], [1, 3, 3, 2])),
        0,
      );
    for (const [crop, slice] of [
      [cropper.crop(x), sliced(x)],
      [
        tf.grad((y) => tf.sum(tf.square(cropper.crop(y as Tensor4D))))(x),
        tf.grad((y) => tf.sum(tf.square(sliced(y as Tensor4D))))(x),
      ],
    ]) {
      expect(await crop!.data()).toEqual(await slice!.data());
      tf.dispose([crop!, slice!]);
    }
    cropper.dispose();
    x.dispose();
  });
});

it("draws crops of different latents, everywhere in them", () => {
  const random = createRandom(5);
  const drawn = Array.from({ length: 200 }, () =>
    drawCrops(random, 10, { channels: 1, height: 6, width: 8 }, { batch: 4, side: 5 }),
  );
  for (const crops of drawn) expect(new Set(crops.map(({ row }) => row)).size).toBe(4);
  const values = (key: "row" | "top" | "left"): number[] =>
    [...new Set(drawn.flat().map((crop) => crop[key]))].sort((a, b) => a - b);
  expect(values("row")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(values("top")).toEqual([0, 1]);
  expect(values("left")).toEqual([0, 1, 2, 3]);
  expect(drawCrops(random, 2, { channels: 1, height: 6, width: 8 }, { batch: 4, side: 5 })).toHaveLength(2);
});
