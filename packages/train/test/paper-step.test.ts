/**
 * The step of recipe `paper`: codebooks trained on the host and as variables, against each other.
 */
import { createRandom, parseOptions, type LatentShape, type Quantizer, type Rectifier } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LatentBatch } from "../src/evaluation/latent-batches.js";
import { createPaperStep, type PaperStep } from "../src/recipes/paper-step.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
});
afterAll(() => engine.dispose());

const latentShape: LatentShape = { channels: 4, height: 4, width: 4 };

interface Trained {
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  readonly step: PaperStep;
}

const transform = { block: [1, 1], blocks: 16, decorrelated: false } as const;
const space = { inverse: (coefficients: Tensor4D): Tensor4D => tf.clone(coefficients) };

async function create(where: "host" | "variables", jointLoss: boolean): Promise<Trained> {
  const options = { tokens: 16, codes: 5, split: "channel", groups: 8, iterations: 1, init: "sample" } as const;
  const quantizer = await multigroup.create(parseOptions(multigroup, options), { latentShape, transform });
  const values = createRandom(1);
  quantizer.restore({
    codebooks: tf.tensor(
      Array.from({ length: 8 * 5 * 4 }, () => values.normal()),
      [8, 5, 4],
    ),
  });
  const rectifier = await efficientvit.create(
    { channels: 8, layers: 1, headDim: 4, expandRatio: 2, outputSkip: false },
    { latentShape, random: createRandom(2) },
  );
  const { hostCodebooks: _host, ...onVariables } = quantizer.gradients!;
  const trained: Quantizer =
    where === "host" ? quantizer : Object.create(quantizer, { gradients: { value: onVariables } });
  const settings = { learningRate: 0.05, rectifierRate: 0.1, weightDecay: 1e-4, clipNorm: 0.05, jointLoss };
  return { quantizer, rectifier, step: createPaperStep({ space, quantizer: trained, rectifier }, settings) };
}

const batches = [3, 4, 5].map((seed) => (): LatentBatch => {
  const latents = tf.randomNormal([6, 4, 4, 4], 0, 1, "float32", seed) as Tensor4D;
  return { standardized: latents, coefficients: latents };
});
const codebooksOf = async ({ quantizer }: Trained) => [...(await quantizer.state()["codebooks"]!.data())];

async function train(trained: Trained, some = batches): Promise<number[]> {
  const losses: number[] = [];
  for (const batch of some) {
    const { codebooks, rectifier } = await trained.step.run(batch());
    losses.push(codebooks, rectifier);
  }
  return losses;
}

const expectClose = (found: readonly number[], expected: readonly number[]): void => {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
};

describe.each([{ jointLoss: false }, { jointLoss: true }])("joint loss $jointLoss", ({ jointLoss }) => {
  it("is the same step on the host and on variables", async () => {
    const [host, variables] = [await create("host", jointLoss), await create("variables", jointLoss)];
    expectClose(await train(host), await train(variables));
    expectClose(await codebooksOf(host), await codebooksOf(variables));
    const [a, b] = [await host.step.state(), await variables.step.state()];
    expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
    for (const [name, { shape, data }] of Object.entries(a)) {
      expect(shape).toEqual(b[name]!.shape);
      expectClose([...data], [...b[name]!.data]);
    }
  });
});

it("goes on bit for bit from its state, and leaves no tensor behind", async () => {
  const whole = await create("host", false);
  await train(whole, batches.slice(0, 1));
  const state = structuredClone(await whole.step.state());
  const resumed = await create("host", false);
  for (const part of ["quantizer", "rectifier"] as const) {
    resumed[part].restore(
      Object.fromEntries(Object.entries(whole[part].state()).map(([name, tensor]) => [name, tf.clone(tensor)])),
    );
  }
  resumed.step.restore(state);
  const rest = batches.slice(1);
  await train(whole, rest);
  const inputs = rest.map((batch) => batch());
  const tensors = tf.memory().numTensors;
  for (const input of inputs) await resumed.step.run(input);
  expect(tf.memory().numTensors).toBe(tensors);
  expect(await codebooksOf(resumed)).toEqual(await codebooksOf(whole));
  expect(await resumed.step.state()).toEqual(await whole.step.state());
});
