/**
 * Tests of the abilities that a quantizer may have: training by gradient, codebooks on the host,
 * ids by tensor operations.
 */
import { createRandom, type Quantizer, type QuantizerGradients } from "@revq/core";
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { expectClose, expectGradients, expectNoLeak, take } from "../checks.js";
import type { Subject } from "./subject.js";

export function testAbilities(subject: Subject, engine: () => Engine): void {
  it("graph: finds the same ids by tensor operations", async (context) => {
    const { quantizer } = subject;
    const { graph, layout } = quantizer;
    if (!graph) return context.skip("it has no graph");
    const expected = await subject.coefficientsOf(quantizer, await subject.idsOf(quantizer, subject.batch(5)));
    const coefficients = subject.batch(5);
    let ids: ArrayLike<number> = [];
    await expectNoLeak("graph.quantize", async () => {
      const tensor = tf.tidy(() => graph.quantize(coefficients));
      expect(tensor.shape).toEqual([5, layout.count]);
      expect(tensor.dtype).toBe("int32");
      ids = await take(tensor);
    });
    coefficients.dispose();
    // Two codes may be equal: the coefficients must be the same.
    expect(await subject.coefficientsOf(quantizer, ids)).toEqual(expected);
  });

  /** A fresh instance with its first codebooks. */
  async function trainable(): Promise<{ quantizer: Quantizer; gradients: QuantizerGradients }> {
    const quantizer = await subject.create();
    const gradients = quantizer.gradients!;
    await gradients.initialize(subject.source(), createRandom(3));
    return { quantizer, gradients };
  }

  it("gradients: reach every variable", async (context) => {
    if (!subject.quantizer.gradients) return context.skip("it has no gradients");
    if (!engine().trains) return context.skip("this engine does not train");
    const { quantizer: fresh, gradients } = await trainable();
    const coefficients = subject.batch(3);
    const ids = await fresh.quantize(coefficients);
    await expectGradients(gradients.variables, () => tf.squaredDifference(fresh.dequantize(ids), coefficients));
    tf.dispose([coefficients, ids]);
    fresh.dispose();
  });

  it("gradients: leave no tensor behind, and depend on their random generator alone", async (context) => {
    if (!subject.quantizer.gradients) return context.skip("it has no gradients");
    const [first, second] = [await trainable(), await trainable()];
    const counts = new Int32Array(first.quantizer.layout.codebookSizes.reduce((sum, codes) => sum + codes, 0));
    counts.fill(1, 1); // the first code was not used
    for (const { gradients } of [first, second]) {
      await expectNoLeak("initialize", () => gradients.initialize(subject.source(), createRandom(3)));
      await expectNoLeak("replaceUnusedCodes", async () => {
        const replaced = await gradients.replaceUnusedCodes(counts, createRandom(4));
        expect(replaced).toBeGreaterThanOrEqual(0);
        expect(replaced).toBeLessThanOrEqual(1);
      });
    }
    for (const [name, tensor] of Object.entries(first.quantizer.state()))
      expectClose(name, await second.quantizer.state()[name]!.data(), await tensor.data(), 0);
    first.quantizer.dispose();
    second.quantizer.dispose();
  });

  it("host codebooks: look ids up as dequantize does, and sum gradients by code as tfjs does", async (context) => {
    if (!subject.quantizer.gradients?.hostCodebooks) return context.skip("it has no codebooks on the host");
    const { quantizer: fresh, gradients } = await trainable();
    const host = gradients.hostCodebooks!;
    const ids = await subject.idsOf(fresh, subject.batch(3));
    expectClose("lookUp", host.lookUp(ids), await subject.coefficientsOf(fresh, ids), 1e-6);
    const gradient = subject.input.values(fresh.layout.count, 3, 9);
    const { rows, norm } = host.gradientByCode(ids, gradient);
    expect([...rows]).toEqual([...new Set(rows)].sort((a, b) => a - b));
    if (engine().trains) {
      const [weights, chosen] = [subject.tensor(gradient), tf.tensor2d(ids, [3, fresh.layout.count], "int32")];
      expect(
        norm / (await gradientNorm(gradients, () => tf.mul(fresh.dequantize(chosen as Tensor2D), weights))),
      ).toBeCloseTo(1, 4);
      tf.dispose([weights, chosen]);
    }
    host.values().fill(0);
    host.changed();
    expect((await subject.coefficientsOf(fresh, ids)).every((value) => value === 0)).toBe(true);
    fresh.dispose();
  });
}

async function gradientNorm({ variables }: QuantizerGradients, loss: () => Tensor): Promise<number> {
  const { value, grads } = tf.variableGrads(() => tf.sum(loss()), [...variables]);
  value.dispose();
  let squares = 0;
  for (const gradient of Object.values(grads)) for (const element of await take(gradient)) squares += element ** 2;
  return Math.sqrt(squares);
}
