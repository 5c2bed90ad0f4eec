import { multigroup } from "@revq/quantizer-multigroup";
import { createRandom, parseOptions, quietContext } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { latentSource, randomLatents } from "@revq/testkit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";

const shape = { channels: 8, height: 4, width: 4 };
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

it.each([
  { split: "channel", groups: "token" },
  { split: "spatial", groups: 4 },
  { split: "block", groups: "channel" },
  { transform: "dct", split: "block", groups: "token" },
  { transform: "pca", split: "balanced", groups: "token" },
  { transform: "dct-klt", split: "balanced", groups: "token" },
  { split: "channel", groups: 4, allocation: "greedy", sizes: [16, 5, 30, 1] },
  { transform: "dct-klt", split: "balanced", groups: 2, allocation: "greedy", sizes: [7, 20] },
] as const)("quantizeOnEngine gives the codes of quantize: %o", async (options) => {
  const latents = randomLatents(shape, 200, 3);
  const quantizer = multigroup.create(parseOptions(multigroup, { tokens: 32, codes: 16, ...options }), {
    latentShape: shape,
  });
  await quantizer.fit(latentSource(shape, latents), quietContext(createRandom(1)));
  const some = tf.tensor4d(latents.slice(0, 8 * 128), [8, 4, 4, 8]);
  const before = tf.memory().numTensors;
  const onEngine = quantizer.quantizeOnEngine!(some);
  expect(tf.memory().numTensors).toBe(before + 1);
  const codes = await quantizer.quantize(some);
  expect(onEngine.dtype).toBe("int32");
  expect(await onEngine.data()).toEqual(await codes.data());
  tf.dispose([some, onEngine, codes]);
  quantizer.dispose();
});
