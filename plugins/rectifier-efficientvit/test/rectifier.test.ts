/** The plugin as the rest of revq uses it: options, state, gradients in its variables, memory. */
import { createRandom, parseOptions, underPrefix, type Rectifier } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { efficientvit } from "../src/index.js";
import {
  needs,
  present,
  readFixture,
  relativeError,
  toNhwc,
} from "../../../packages/plugin-kit/test/pytorch-fixtures.js";

const small = { channels: 16, layers: 1, headDim: 8, expandRatio: 2 };
const latentShape = { channels: 4, height: 3, width: 5 };

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
});
afterAll(() => engine.dispose());

const created: Rectifier[] = [];
afterEach(() => created.splice(0).forEach((rectifier) => rectifier.dispose()));

async function create(raw: Record<string, unknown> = small, seed = 1, shape = latentShape): Promise<Rectifier> {
  const rectifier = await efficientvit.create(parseOptions(efficientvit, raw), {
    latentShape: shape,
    random: createRandom(seed),
  });
  created.push(rectifier);
  return rectifier;
}

function batch(n = 2): Tensor4D {
  const random = createRandom(5);
  const { height, width, channels } = latentShape;
  const values = Float32Array.from({ length: n * height * width * channels }, () => random.normal());
  return tf.tensor4d(values, [n, height, width, channels]);
}

describe("efficientvit rectifier", () => {
  it("describes its defaults and its sets", () => {
    expect(efficientvit.options.parse({})).toEqual({ layers: 2, headDim: 32, expandRatio: 4, outputSkip: false });
    expect(efficientvit.sets).toEqual({
      kmeans: { outputSkip: true },
      paper: { outputSkip: false },
      latents: { minChannels: 128 },
    });
    for (const [name, option] of Object.entries(efficientvit.options.shape)) {
      expect((option as { description?: string }).description, name).toBeTruthy();
    }
  });

  it("starts as the identity with outputSkip", async () => {
    const rectifier = await create({ ...small, outputSkip: true });
    const x = batch();
    const out = rectifier.rectify(x);
    expect(out.dataSync()).toEqual(x.dataSync());
    tf.dispose([x, out]);
  });

  it.skipIf(!present)(`restores PyTorch's weights as they are and gives its output ${needs}`, async () => {
    const { tensors } = await readFixture("rectifier_small.safetensors");
    const rectifier = await create({ channels: 64, layers: 2, headDim: 16 }, 1, { channels: 32, height: 8, width: 8 });
    rectifier.restore(underPrefix("w", tensors));
    expect(relativeError(rectifier.rectify(toNhwc(tensors["input"]!)), toNhwc(tensors["output"]!))).toBeLessThan(1e-4);
  });

  it("takes any height and width, and a single image gives what it gives in a batch", async () => {
    const rectifier = await create();
    const x = batch(3);
    const all = rectifier.rectify(x);
    const one = rectifier.rectify(tf.slice(x, [1, 0, 0, 0], [1, -1, -1, -1]));
    expect(relativeError(one, tf.slice(all, [1, 0, 0, 0], [1, -1, -1, -1]))).toBeLessThan(1e-6);
    const wide = rectifier.rectify(tf.zeros([1, 6, 2, 4]));
    expect(wide.shape).toEqual([1, 6, 2, 4]);
  });

  it("copies the state it is given and refuses one that does not fit", async () => {
    const first = await create(small, 1);
    const second = await create(small, 2);
    const x = batch();
    const expected = first.rectify(x).dataSync();
    second.restore(first.state());
    expect(second.rectify(x).dataSync()).toEqual(expected);
    first.variables[0]!.assign(tf.zerosLike(first.variables[0]!));
    expect(second.rectify(x).dataSync()).toEqual(expected);

    const deeper = await create({ ...small, layers: 2 });
    const wider = await create({ ...small, expandRatio: 4 });
    expect(() => deeper.restore(second.state())).toThrow(/no tensor "up_blocks.0.1/);
    expect(() => second.restore(deeper.state())).toThrow(/has no parameter up_blocks.0.1/);
    expect(() => second.restore(wider.state())).toThrow(/shape/);
    expect(second.rectify(x).dataSync()).toEqual(expected);
  });

  it("gives every variable a gradient and keeps no tensor but its variables", async () => {
    const before = tf.memory().numTensors;
    const rectifier = await create();
    expect(tf.memory().numTensors - before).toBe(rectifier.variables.length);
    const x = batch();
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.square(tf.sub(rectifier.rectify(x), x))) as Scalar,
      [...rectifier.variables],
    );
    expect(Object.keys(grads).sort()).toEqual(rectifier.variables.map(({ name }) => name).sort());
    tf.dispose([value, grads]);
    rectifier.rectify(x).dispose();
    x.dispose();
    expect(tf.memory().numTensors - before).toBe(rectifier.variables.length);
    rectifier.restore(rectifier.state());
    expect(tf.memory().numTensors - before).toBe(rectifier.variables.length);
    rectifier.dispose();
    rectifier.dispose();
    created.splice(0);
    expect(tf.memory().numTensors).toBe(before);
  });
});
