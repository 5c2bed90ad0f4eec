/**
 * Exponential moving average of weights (Polyak and Juditsky 1992). It averages out gradient noise;
 * training itself does not change. The decay grows over the first steps, as in TensorFlow's
 * `ExponentialMovingAverage`, to remove the bias of the start.
 */
import { requireTensor, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Variable } from "@tensorflow/tfjs-core";

export interface WeightAverage {
  /** Call after every step. @param steps so far, from 1 */
  update(steps: number): void;
  /** Runs `work` with the averages in place of the weights. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** `0`, `1`, … in the order of the variables; borrowed. */
  state(): NamedTensors;
  restore(state: NamedTensors): void;
  dispose(): void;
}

export function createWeightAverage(variables: readonly Variable[], decay: number): WeightAverage {
  const averages = variables.map((variable) => tf.tidy(() => tf.variable(tf.clone(variable), false)));

  function swap(): void {
    tf.tidy(() => {
      averages.forEach((average, i) => {
        const [weights, mean] = [tf.clone(variables[i]!), tf.clone(average)];
        variables[i]!.assign(mean);
        average.assign(weights);
      });
    });
  }

  return {
    update(steps) {
      const share = 1 - Math.min(decay, (1 + steps) / (10 + steps));
      tf.tidy(() => {
        averages.forEach((average, i) =>
          average.assign(tf.add(average, tf.mul(tf.sub(variables[i]!, average), tf.scalar(share)))),
        );
      });
    },
    async during(work) {
      swap();
      try {
        return await work();
      } finally {
        swap();
      }
    },
    state: () => Object.fromEntries(averages.map((average, i) => [`${i}`, average])),
    restore(state) {
      tf.tidy(() =>
        averages.forEach((average, i) => average.assign(tf.clone(requireTensor(state, `${i}`, average.shape)))),
      );
    },
    dispose: () => tf.dispose(averages),
  };
}
