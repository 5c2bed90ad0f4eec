/**
 * AdamW, clipping and schedules against PyTorch's formulas in double precision; one whole training
 * step is in optimizer-train-step.
 */
import { createRandom } from "@revq/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { createAdamW } from "../src/optimizer/adamw.js";
import { clipByGlobalNorm } from "../src/optimizer/clip.js";
import { createWeightAverage } from "../src/optimizer/average.js";
import { cosineDecay, exponentialDecay, warmUp } from "../src/optimizer/schedule.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** The algorithm box of torch.optim.AdamW's documentation, one number, float64. */
function referenceAdamW(initial: number, gradients: number[], rates: number[], weightDecay: number): number[] {
  let [parameter, mean, square] = [initial, 0, 0];
  return gradients.map((gradient, index) => {
    const t = index + 1;
    parameter -= rates[index]! * weightDecay * parameter;
    mean = 0.9 * mean + 0.1 * gradient;
    square = 0.999 * square + 0.001 * gradient ** 2;
    parameter -= (rates[index]! * (mean / (1 - 0.9 ** t))) / (Math.sqrt(square / (1 - 0.999 ** t)) + 1e-8);
    return parameter;
  });
}

const variable = (values: number[]) => tf.tidy(() => tf.variable(tf.tensor1d(values)));

describe("createAdamW", () => {
  it("follows the reference over 50 steps with a changing rate, per group", async () => {
    const random = createRandom(3);
    const steps = 50;
    const initial = [0.5, -2, 1e-3, 30];
    // Gradients of very different sizes: 1e-9 is below epsilon.
    const gradients = [1, 1e-3, 1e-9, 1e3].map((size) => Array.from({ length: steps }, () => size * random.normal()));
    const rates = Array.from({ length: steps }, (_, t) => 0.01 * 0.97 ** t);
    const plain = variable(initial);
    const decayed = variable(initial);
    const optimizer = createAdamW([
      { name: "plain", variables: [plain], learningRate: rates[0]!, weightDecay: 0 },
      { name: "decayed", variables: [decayed], learningRate: rates[0]!, weightDecay: 0.1 },
    ]);
    for (let t = 0; t < steps; t++) {
      optimizer.setLearningRate("plain", rates[t]!);
      optimizer.setLearningRate("decayed", 3 * rates[t]!);
      tf.tidy(() => {
        const gradient = tf.tensor1d(gradients.map((one) => one[t]!));
        optimizer.apply({ [plain.name]: gradient, [decayed.name]: gradient });
      });
    }
    expect(optimizer.step).toBe(steps);
    expect(optimizer.learningRate("decayed")).toBe(3 * rates[steps - 1]!);
    const reference = (factor: number, weightDecay: number): number[] =>
      initial.map((value, i) =>
        referenceAdamW(
          value,
          gradients[i]!,
          rates.map((rate) => factor * rate),
          weightDecay,
        ).at(-1)!,
      );
    for (const [found, expected] of [
      [await plain.data(), reference(1, 0)],
      [await decayed.data(), reference(3, 0.1)],
    ] as const) {
      expected.forEach((value, i) => expect(Math.abs(found[i]! / value - 1)).toBeLessThan(1e-5));
    }
    optimizer.dispose();
    tf.dispose([plain, decayed]);
  });

  it("leaves a variable without gradient as it is, decay included", async () => {
    const [a, b] = [variable([1]), variable([1])];
    const optimizer = createAdamW([{ name: "all", variables: [a, b], learningRate: 0.1, weightDecay: 0.5 }]);
    tf.tidy(() => optimizer.apply({ [a.name]: tf.tensor1d([2]) }));
    expect((await a.data())[0]).toBeCloseTo(1 * (1 - 0.05) - 0.1, 6);
    expect((await b.data())[0]).toBe(1);
    optimizer.dispose();
    tf.dispose([a, b]);
  });

  it("goes on from its state exactly where it was, and names it as PyTorch does", async () => {
    const run = async (interruptAt: number | null): Promise<number[]> => {
      const random = createRandom(9);
      const weights = variable([1, -1]);
      const make = () =>
        createAdamW([{ name: "rectifier", variables: [weights], learningRate: 0.05, weightDecay: 0.01 }]);
      let optimizer = make();
      for (let t = 0; t < 10; t++) {
        if (t === interruptAt) {
          const next = make();
          next.restore(optimizer.state());
          optimizer.dispose();
          optimizer = next;
        }
        tf.tidy(() => optimizer.apply({ [weights.name]: tf.tensor1d([random.normal(), random.normal()]) }));
      }
      expect(Object.keys(optimizer.state())).toEqual(["step", "rectifier.0.exp_avg", "rectifier.0.exp_avg_sq"]);
      optimizer.restore(optimizer.state());
      const values = [...(await weights.data()), ...(await optimizer.state()["rectifier.0.exp_avg_sq"]!.data())];
      optimizer.dispose();
      weights.dispose();
      return values;
    };
    expect(await run(4)).toEqual(await run(null));
  });

  it("refuses a state that does not fit and keeps its own", () => {
    const weights = variable([1, 2]);
    const optimizer = createAdamW([{ name: "q", variables: [weights], learningRate: 1, weightDecay: 0 }]);
    tf.tidy(() => optimizer.apply({ [weights.name]: tf.ones([2]) }));
    tf.tidy(() => {
      expect(() => optimizer.restore({ step: tf.scalar(3, "int32") })).toThrow(/no tensor "q.0.exp_avg"/);
      const moments = { "q.0.exp_avg": tf.ones([2]), "q.0.exp_avg_sq": tf.ones([2]) };
      expect(() => optimizer.restore({ ...moments, "q.0.exp_avg": tf.ones([3]) })).toThrow(/shape/);
      expect(() => optimizer.restore({ ...moments, step: tf.scalar(-1, "int32") })).toThrow(/has step -1/);
    });
    expect(optimizer.step).toBe(1);
    expect(optimizer.state()["q.0.exp_avg"]!.dataSync()[0]).toBeCloseTo(0.1, 6);
    optimizer.dispose();
    weights.dispose();
  });

  it("keeps two tensors a variable and the step, nothing else", () => {
    const before = tf.memory().numTensors;
    const weights = [variable([1, 2]), variable([3])];
    const optimizer = createAdamW([{ name: "q", variables: weights, learningRate: 1, weightDecay: 0.1 }]);
    const held = (): number => tf.memory().numTensors - before;
    expect(held()).toBe(7);
    const gradients = { [weights[0]!.name]: tf.ones([2]), [weights[1]!.name]: tf.ones([1]) };
    for (let t = 0; t < 3; t++) {
      const clipped = clipByGlobalNorm(gradients, 1);
      optimizer.apply(clipped.gradients);
      tf.dispose([clipped.norm, clipped.gradients]);
      optimizer.state();
    }
    tf.dispose(gradients);
    expect(held()).toBe(7);
    optimizer.dispose();
    tf.dispose(weights);
    expect(held()).toBe(0);
  });
});

describe("clipByGlobalNorm", () => {
  it("scales to the limit over all tensors together, and only downwards", async () => {
    const gradients = { a: tf.tensor1d([3, 0]), b: tf.tensor2d([[4, 12]]) };
    const clipped = clipByGlobalNorm(gradients, 1);
    expect((await clipped.norm.data())[0]).toBeCloseTo(13, 5);
    // torch: coefficient = max_norm / (norm + 1e-6), clamped to 1
    expect([...(await clipped.gradients["a"]!.data())]).toEqual(
      [Math.fround(3 / 13.000001), 0].map((x) => expect.closeTo(x, 6)),
    );
    expect(clipped.gradients["b"]!.shape).toEqual([1, 2]);
    const untouched = clipByGlobalNorm(gradients, 20);
    expect([...(await untouched.gradients["b"]!.data())]).toEqual([4, 12]);
    tf.dispose([gradients, clipped.norm, clipped.gradients, untouched.norm, untouched.gradients]);
  });

  it("keeps zero gradients zero", async () => {
    const { gradients } = clipByGlobalNorm({ a: tf.zeros([2]) }, 1);
    expect([...(await gradients["a"]!.data())]).toEqual([0, 0]);
  });
});

describe("schedules", () => {
  it("exponential: constant ratio, 5 % after all epochs; the fixtures' rate after one of 20 epochs", () => {
    const rate = exponentialDecay(0.01, 20, 0.05);
    expect(rate(0)).toBe(0.01);
    expect(rate(1)).toBeCloseTo(0.008608916593317348, 12);
    expect(rate(20)).toBeCloseTo(0.0005, 12);
    expect(rate(7) / rate(6)).toBeCloseTo(rate(1) / rate(0), 12);
  });

  it("cosine: starts flat, passes the middle half way, stays at its end", () => {
    const rate = cosineDecay(2, 100, 0.1);
    expect([rate(0), rate(50), rate(100), rate(200)]).toEqual([2, 1.1, 0.2, 0.2].map((x) => expect.closeTo(x, 10)));
    expect(cosineDecay(1, 0, 0)(0)).toBe(0);
  });
});

it("a warm-up raises the schedule linearly, and then is it", () => {
  const rate = warmUp(cosineDecay(2, 100, 0), 10);
  expect(rate(0)).toBeCloseTo(0.2, 12);
  expect(rate(4)).toBeCloseTo(cosineDecay(2, 100, 0)(4) / 2, 12);
  expect(rate(10)).toBe(cosineDecay(2, 100, 0)(10));
  expect(warmUp(() => 3, 0)(0)).toBe(3);
});

it("the weight average is the exponential moving average with the start's bias removed, and lends itself", async () => {
  const weight = tf.variable(tf.tensor1d([4]));
  const average = createWeightAverage([weight], 0.5);
  let expected = 4;
  for (const [i, value] of [1, 3, -2, 7].entries()) {
    weight.assign(tf.tensor1d([value]));
    average.update(i + 1);
    const decay = Math.min(0.5, (2 + i) / (11 + i));
    expected = decay * expected + (1 - decay) * value;
  }
  const lent = await average.during(async () => (await weight.data())[0]!);
  expect(lent).toBeCloseTo(expected, 5);
  expect((await weight.data())[0]).toBe(7);
  expect((await average.state()["0"]!.data())[0]).toBeCloseTo(expected, 5);
  average.restore({ 0: tf.tensor1d([9]) });
  expect(await average.during(async () => (await weight.data())[0])).toBe(9);
  expect(() => average.restore({})).toThrow(/no tensor "0"/);
  average.dispose();
});
