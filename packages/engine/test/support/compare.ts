/** Runs a case on a backend and on tfjs `cpu`, values and gradients, and compares. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { createRandom } from "@revq/core";
import fc from "fast-check";
import type { Case, Input, Operation } from "./operation.js";

interface Outcome {
  readonly what: string;
  readonly shape: number[];
  readonly values: ArrayLike<number>;
}

function inputValues({ shape, values = "any", below = 1 }: Input, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => {
    if (values === "indices") return random.integer(below);
    return values === "positive" ? 0.3 + Math.abs(random.normal()) : random.normal();
  });
}

/**
 * The result and, unless switched off, the gradient of a weighted sum of it with respect to every
 * float input.
 */
async function outcomes({ inputs, run }: Case, seed: number, gradient: boolean): Promise<Outcome[]> {
  const tensors = inputs.map((input, i) => tf.tensor(inputValues(input, seed + i), [...input.shape]));
  const fixed = inputs.map(({ values }) => values === "indices");
  const results: [string, Tensor][] = tf.tidy(() => {
    const value = run(...tensors);
    if (!gradient) return [["value", value]];
    const weights = tf.tensor(inputValues({ shape: value.shape }, seed + 97), value.shape);
    const variable = tensors.filter((_, i) => !fixed[i]);
    const gradients = tf.grads((...given: Tensor[]) => {
      const all = tensors.map((tensor, i) => (fixed[i] ? tensor : given[fixed.slice(0, i).filter((f) => !f).length]!));
      return tf.sum(tf.mul(run(...all), weights));
    })(variable);
    return [["value", value], ...gradients.map((g, i): [string, Tensor] => [`gradient ${i}`, g])];
  });
  const found: Outcome[] = [];
  for (const [what, tensor] of results) found.push({ what, shape: tensor.shape, values: await tensor.data() });
  tf.dispose([...tensors, ...results.map(([, tensor]) => tensor)]);
  return found;
}

/** Throws with the operation, the case and the place of the first difference. */
export async function expectParity(
  operation: Operation,
  backend: string,
  runs: number,
  tolerance: number,
): Promise<void> {
  const property = fc.asyncProperty(operation.cases, fc.nat(1000), async (testCase, seed) => {
    await tf.setBackend("cpu");
    const expected = await outcomes(testCase, seed, operation.gradient ?? true);
    await tf.setBackend(backend);
    const got = await outcomes(testCase, seed, operation.gradient ?? true);
    expected.forEach(({ what, shape, values }, index) => {
      const other = got[index]!;
      const label = `${operation.name} ${what} of ${JSON.stringify(testCase.inputs)} ${JSON.stringify(testCase.settings ?? {})}`;
      if (shape.join() !== other.shape.join()) throw new Error(`${label}: shape [${other.shape}], expected [${shape}]`);
      for (let i = 0; i < values.length; i++) {
        if (!(Math.abs(other.values[i]! - values[i]!) <= tolerance * (1 + Math.abs(values[i]!)))) {
          throw new Error(`${label}: element ${i} is ${other.values[i]}, expected ${values[i]}`);
        }
      }
    });
  });
  await fc.assert(property, { numRuns: runs, seed: 20250710 });
}
