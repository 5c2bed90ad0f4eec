/** Against PyTorch's definitions, written out element by element. */
import { averageChannels, pixelShuffle, pixelUnshuffle, repeatChannels } from "@revq/plugin-kit";
import { createEngine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";

beforeAll(async () => {
  await createEngine({ engine: "cpu" });
});

const [n, h, w, c] = [2, 3, 5, 4];
const at = (
  y: number,
  x: number,
  channel: number,
  width: number,
  channels: number,
  height: number,
  i: number,
): number => ((i * height + y) * width + x) * channels + channel;

function eachOf(
  shape: readonly [number, number, number, number],
  value: (i: number, y: number, x: number, channel: number) => number,
): number[] {
  const values: number[] = [];
  for (let i = 0; i < shape[0]; i++)
    for (let y = 0; y < shape[1]; y++)
      for (let x = 0; x < shape[2]; x++) for (let k = 0; k < shape[3]; k++) values.push(value(i, y, x, k));
  return values;
}

it("shuffles pixels into channels and back", async () => {
  const large = tf.reshape(tf.range(0, n * 2 * h * 2 * w * c), [n, 2 * h, 2 * w, c]) as tf.Tensor4D;
  const small = pixelUnshuffle(large);
  expect(small.shape).toEqual([n, h, w, 4 * c]);
  expect([...(await small.data())]).toEqual(
    eachOf([n, h, w, 4 * c], (i, y, x, k) =>
      at(2 * y + (Math.floor(k / 2) % 2), 2 * x + (k % 2), Math.floor(k / 4), 2 * w, c, 2 * h, i),
    ),
  );
  expect(await pixelShuffle(small).data()).toEqual(await large.data());
});

it("repeats and averages channels", async () => {
  const x = tf.reshape(tf.range(0, n * h * w * c), [n, h, w, c]) as tf.Tensor4D;
  expect([...(await repeatChannels(x, 3).data())]).toEqual(
    eachOf([n, h, w, 3 * c], (i, y, x, k) => at(y, x, Math.floor(k / 3), w, c, h, i)),
  );
  expect([...(await averageChannels(x, 2).data())]).toEqual(
    eachOf([n, h, w, c / 2], (i, y, x, k) => at(y, x, 2 * k, w, c, h, i) + 0.5),
  );
});
