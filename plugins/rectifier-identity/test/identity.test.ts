/** The identity: the same values in a tensor of their own, nothing to train or keep. */
import { createRandom, parseOptions } from "@revq/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { identity } from "../src/index.js";

it("returns its input as the caller's own tensor and holds no state", async () => {
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  const rectifier = await identity.create(parseOptions(identity, {}), {
    latentShape: { channels: 2, height: 1, width: 2 },
    random: createRandom(1),
  });
  const x = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
  const out = rectifier.rectify(x);
  x.dispose();
  expect([...(await out.data())]).toEqual([1, 2, 3, 4]);
  out.dispose();
  expect(rectifier.variables).toEqual([]);
  expect(rectifier.state()).toEqual({});
  rectifier.restore({});
  rectifier.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

it("refuses options", () => {
  expect(() => parseOptions(identity, { channels: 4 })).toThrow(/It takes no options|no option "channels"/);
});
