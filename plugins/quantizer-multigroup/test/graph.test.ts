import { createRandom, parseOptions, quietContext, type LatentSource } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { latentSource, randomLatents } from "@revq/testkit";
import { dct, dctKlt, none, pca } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";

const shape = { channels: 8, height: 4, width: 4 };
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

it.each([
  { transform: none, split: "channel", groups: "token" },
  { transform: none, split: "spatial", groups: 4 },
  { transform: none, split: "block", groups: "channel" },
  { transform: dct, split: "block", groups: "token" },
  { transform: pca, split: "eigenvalue", groups: "token" },
  { transform: dctKlt, split: "eigenvalue", groups: "token" },
  { transform: none, split: "channel", groups: 4, allocation: "greedy", sizes: [16, 5, 30, 1] },
  { transform: dctKlt, split: "eigenvalue", groups: 2, allocation: "greedy", sizes: [7, 20] },
] as const)("graph.quantize gives the ids of quantize: $transform.id, $split", async ({ transform, ...options }) => {
  const latents = randomLatents(shape, 200, 3);
  const source = latentSource(shape, latents);
  const fitted = await transform.create({}, { latentShape: shape, tokens: 32 });
  await fitted.fit(source, quietContext(createRandom(1)));
  const host = await fitted.host();
  const coefficients: LatentSource = {
    ...source,
    async read(indices) {
      const values = await source.read(indices);
      host?.forward(values);
      return values;
    },
    ...(fitted.variances ? { variances: fitted.variances } : {}),
  };
  const quantizer = await multigroup.create(parseOptions(multigroup, { tokens: 32, codes: 16, ...options }), {
    latentShape: shape,
    transform: fitted.layout,
  });
  await quantizer.fit(coefficients, quietContext(createRandom(1)));
  const some = tf.tensor4d(await coefficients.read([0, 1, 2, 3, 4, 5, 6, 7]), [8, 4, 4, 8]);
  const before = tf.memory().numTensors;
  const byTensors = tf.tidy(() => quantizer.graph!.quantize(some));
  expect(tf.memory().numTensors).toBe(before + 1);
  const ids = await quantizer.quantize(some);
  expect(byTensors.dtype).toBe("int32");
  expect(await byTensors.data()).toEqual(await ids.data());
  tf.dispose([some, byTensors, ids]);
  quantizer.dispose();
  fitted.dispose();
});
