/**
 * Two complete steps of recipe `paper` against PyTorch (fixtures `train_step_*`; README there):
 * standardise, nearest codes, both losses, gradients, norms, clipping group by group, AdamW. The
 * codebooks are a plain variable here, so that this tests the optimizer and not a quantizer.
 */
import { createRandom, parseOptions, underPrefix, type Rectifier } from "@revq/core";
import { Standardizer } from "@revq/tokenizer";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, openSafetensors } from "@revq/formats";
import { efficientvit } from "@revq/rectifier-efficientvit";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdamW } from "../src/optimizer/adamw.js";
import { clipByGlobalNorm } from "../src/optimizer/clip.js";
import { exponentialDecay } from "../src/optimizer/schedule.js";

const tolerance = 1e-4;
const shape = { channels: 32, height: 8, width: 8 };
const workspace = resolve(import.meta.dirname, "../../..");
const folder = join(resolve(workspace, process.env["REVQ_SHARED"] ?? "../shared"), "fixtures");
/**
 * In the T256 file one query of the second block's attention (element 101749 of the 131072) is 4e-9
 * before its ReLU, less than float32's rounding error there. An engine that adds in another order
 * may see it at -1e-7, and then some gradients of the first step differ by up to 1e-3 of the
 * tensor's largest. tfjs cpu lands on PyTorch's side, but takes a minute and more.
 */
const cases = [
  { file: "train_step_T512_K16.safetensors", engineId: "wasm" },
  { file: "train_step_T256_K32.safetensors", engineId: "cpu" },
] as const;
const full = Boolean(process.env["REVQ_TEST_FULL"]);

type Arrays = Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

async function read(file: string): Promise<{ arrays: Arrays; metadata: Readonly<Record<string, string>> }> {
  const opened = await openSafetensors(fromBuffer(file, readFileSync(join(folder, file))));
  const arrays: Arrays = {};
  for (const name of opened.tensors.keys()) arrays[name] = await opened.readFloat32(name);
  return { arrays, metadata: opened.metadata };
}

const valuesOf = (found: Tensor): ArrayLike<number> => found.dataSync();

/**
 * Largest difference, relative to the largest expected magnitude; `counts` says which elements are
 * compared.
 */
function largestError(found: Tensor, expected: Float32Array, counts: (index: number) => boolean = () => true): number {
  const values = valuesOf(found);
  expect(values.length).toBe(expected.length);
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (counts(i)) difference = Math.max(difference, Math.abs(values[i]! - expected[i]!));
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return difference / magnitude;
}

/** Euclidean norm of the difference, relative to that of what is expected. */
function normError(found: Tensor, expected: Float32Array): number {
  const values = valuesOf(found);
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (values[i]! - expected[i]!) ** 2;
    magnitude += expected[i]! ** 2;
  }
  return Math.sqrt(difference / magnitude);
}

type Measure = (found: Tensor, expected: Float32Array, name: string) => number;

/** Errors of many tensors by name; only those outside the tolerance. */
function outside(
  found: Readonly<Record<string, Tensor>>,
  expected: Arrays,
  measure: Measure = (values, numbers) => largestError(values, numbers),
): [string, number][] {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  return Object.keys(expected)
    .map((name): [string, number] => [name, measure(found[name]!, expected[name]!.data, name)])
    .filter(([, error]) => !(error <= tolerance));
}

const toNchw = (x: Tensor4D): Tensor4D => tf.transpose(x, [0, 3, 1, 2]);
const toNhwc = (x: Tensor4D): Tensor4D => tf.transpose(x, [0, 2, 3, 1]);
const meanSquaredError = (a: Tensor, b: Tensor): Scalar => tf.mean(tf.square(tf.sub(a, b)));

/**
 * latents `[n, c, h, w]` cut channel-major into tokens, nearest code of each in float64: indices
 * `[n, T]`.
 */
function nearestCodes(latents: Float32Array, codebooks: Float32Array, [T, K, d]: readonly number[]): Int32Array {
  return Int32Array.from({ length: latents.length / d! }, (_, row) => {
    let [best, distance] = [0, Infinity];
    for (let k = 0; k < K!; k++) {
      let sum = 0;
      for (let i = 0; i < d!; i++) {
        sum += (latents[row * d! + i]! - codebooks[((row % T!) * K! + k) * d! + i]!) ** 2;
      }
      if (sum < distance) [best, distance] = [k, sum];
    }
    return best;
  });
}

describe.each(cases)(
  `$file on $engineId: two steps are PyTorch's within ${tolerance} relative`,
  ({ file, engineId }) => {
    const present = existsSync(join(folder, file));
    const slow = engineId === "cpu";
    const reason = `${slow ? "REVQ_TEST_FULL=1 and " : ""}../shared/fixtures`;
    let engine: Engine;
    beforeAll(async () => {
      engine = await createEngine({ engine: engineId });
    });
    afterAll(() => engine.dispose());

    it.skipIf(!present || (slow && !full))(`(needs ${reason})`, { timeout: 400_000 }, async () => {
      const { arrays, metadata } = await read(file);
      const config = JSON.parse(metadata["config"]!) as { attention_head_dim: number; layers_per_block: [number] };
      const sizes = arrays["p0.q.embeddings"]!.shape;
      const [T, K, d] = sizes as [number, number, number];
      const tensorOf = (name: string): Tensor => tf.tensor(arrays[name]!.data, [...arrays[name]!.shape]);

      const embeddings = tf.variable(tensorOf("p0.q.embeddings"));
      const rectifier: Rectifier = await efficientvit.create(
        parseOptions(efficientvit, {
          channels: 64,
          layers: config.layers_per_block[0],
          headDim: config.attention_head_dim,
        }),
        { latentShape: shape, random: createRandom(1) },
      );
      rectifier.restore(
        Object.fromEntries(Object.keys(underPrefix("p0.d", arrays)).map((n) => [n, tensorOf(`p0.d.${n}`)])),
      );
      const standardizer = await Standardizer.fromState(shape, {
        mean: tf.reshape(tensorOf("prep.mean"), [32, 8, 8]),
        std: tf.reshape(tensorOf("prep.std"), [32, 8, 8]),
      });

      const rate = Number(metadata["lr"]);
      const rectifierRate = Number(metadata["rect_lr"]);
      const optimizer = createAdamW([
        { name: "quantizer", variables: [embeddings], learningRate: rate, weightDecay: 0 },
        { name: "rectifier", variables: rectifier.variables, learningRate: rectifierRate, weightDecay: 1e-4 },
      ]);
      const names = Object.keys(rectifier.state());
      /** What is kept per variable, under the fixture's names. */
      const byName = (of: (variable: Variable, group: string, index: number) => Tensor): Record<string, Tensor> => ({
        "q.embeddings": of(embeddings, "quantizer", 0),
        ...Object.fromEntries(rectifier.variables.map((v, i) => [`d.${names[i]!}`, of(v, "rectifier", i)])),
      });

      /**
       * Element by element, parameters are compared where every gradient so far is more than
       * float32's rounding error of the largest of its tensor: AdamW's first steps divide a
       * gradient by its own size, so a gradient that is rounding noise moves its parameter by
       * anything up to the learning rate, here and in PyTorch.
       */
      const determined = (name: string, step: number) => {
        const gradients = [1, 2].slice(0, step).map((t) => arrays[`g${t}.${name}`]!.data);
        const smallest = gradients.map(
          (values) => 1e-6 * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
        );
        return (index: number): boolean =>
          gradients.every((values, t) => values[index] === 0 || Math.abs(values[index]!) > smallest[t]!);
      };

      const counts = new Float32Array(T * K);
      for (const step of [1, 2]) {
        const raw = toNhwc(tensorOf(`batch${step}.raw`) as Tensor4D);
        const latents = standardizer.standardize(raw);
        const tokens = toNchw(latents);
        expect(largestError(tokens, arrays[`batch${step}.x`]!.data)).toBeLessThan(tolerance);

        const codes = nearestCodes(
          (await tokens.data()) as Float32Array,
          (await embeddings.data()) as Float32Array,
          sizes,
        );
        expect(codes).toEqual(Int32Array.from(arrays[`indices${step}`]!.data));
        const rows = Int32Array.from(codes, (code, row) => (row % T) * K + code);
        for (const row of rows) counts[row]!++;

        const dequantize = (): Tensor4D => {
          const chosen = tf.gather(tf.reshape(embeddings, [T * K, d]) as Tensor2D, tf.tensor1d(rows, "int32"));
          return toNhwc(tf.reshape(chosen, tokens.shape));
        };
        const forQuantizer = tf.variableGrads(() => meanSquaredError(dequantize(), latents), [embeddings]);
        const quantized = dequantize();
        const forRectifier = tf.variableGrads(
          () => meanSquaredError(rectifier.rectify(quantized), latents),
          [...rectifier.variables],
        );
        const losses = [forQuantizer.value.dataSync()[0]!, forRectifier.value.dataSync()[0]!];
        losses.forEach((loss, i) =>
          expect(Math.abs(loss / arrays[`losses${step}`]!.data[i]! - 1)).toBeLessThan(tolerance),
        );
        expect(largestError(toNchw(rectifier.rectify(quantized)), arrays[`rec${step}`]!.data)).toBeLessThan(tolerance);

        const gradients: NamedTensorMap = { ...forQuantizer.grads, ...forRectifier.grads };
        expect(
          outside(
            byName(({ name }) => gradients[name]!),
            underPrefix(`g${step}`, arrays),
          ),
        ).toEqual([]);

        const clipped = [clipByGlobalNorm(forQuantizer.grads, 1), clipByGlobalNorm(forRectifier.grads, 1)];
        clipped.forEach(({ norm }, i) => {
          expect(Math.abs(norm.dataSync()[0]! / arrays[`gradnorm${step}`]!.data[i]! - 1)).toBeLessThan(tolerance);
        });
        optimizer.apply({ ...clipped[0]!.gradients, ...clipped[1]!.gradients });
        const parameters = byName((variable) => variable);
        const expected = underPrefix(`p${step}`, arrays);
        expect(outside(parameters, expected, normError)).toEqual([]);
        expect(
          outside(parameters, expected, (found, values, name) => largestError(found, values, determined(name, step))),
        ).toEqual([]);
      }

      const state = optimizer.state();
      const moment = (kind: string) => byName((_, group, index) => state[`${group}.${index}.${kind}`]!);
      expect(outside(moment("exp_avg"), underPrefix("m2", arrays))).toEqual([]);
      expect(outside(moment("exp_avg_sq"), underPrefix("v2", arrays))).toEqual([]);
      expect(counts).toEqual(arrays["count"]!.data);

      const after = JSON.parse(metadata["lr_after_epoch"]!) as [number, number];
      expect(exponentialDecay(rate, 20, 0.05)(1) / after[0]).toBeCloseTo(1, 10);
      expect(exponentialDecay(rectifierRate, 20, 0.05)(1) / after[1]).toBeCloseTo(1, 10);
      optimizer.dispose();
      rectifier.dispose();
      embeddings.dispose();
    });
  },
);
