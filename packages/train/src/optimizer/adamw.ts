/**
 * AdamW (arXiv 1711.05101) over groups of variables, with the numbers of `torch.optim.AdamW`. Not a
 * `tf.Optimizer`: each group has a learning rate, the rate may change between steps, and all state
 * can be saved and restored.
 */
import { RevqError, requireTensor, type Disposable, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor, Variable } from "@tensorflow/tfjs-core";

export interface ParameterGroup {
  /** Unique; used in `setLearningRate` and in the names of the state. */
  readonly name: string;
  /** Their order is part of the state's names. May be empty. */
  readonly variables: readonly Variable[];
  readonly learningRate: number;
  /** Decoupled: every step first shrinks a parameter by learningRate * weightDecay of itself. */
  readonly weightDecay: number;
}

export interface AdamWOptions {
  /** Decay of the mean of gradients. Default .9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Default .999. */
  readonly beta2?: number;
  /** Added to the root, not under it. Default 1e-8. */
  readonly epsilon?: number;
}

export interface AdamW extends Disposable {
  /** Steps taken. */
  readonly step: number;
  /**
   * One step.
   * @param gradients by `Variable.name`, as `tf.variableGrads` gives them; not disposed here. A
   * variable without a gradient does not change, as in PyTorch
   * @param scales by group: a factor for its gradients (clipping), see `clipScale`
   */
  apply(gradients: Readonly<Record<string, Tensor>>, scales?: Readonly<Record<string, Scalar>>): void;
  learningRate(group: string): number;
  setLearningRate(group: string, learningRate: number): void;
  /**
   * Borrowed: `step` (int32 scalar), and for variable i of each group `GROUP.i.exp_avg` and
   * `GROUP.i.exp_avg_sq` of the variable's shape: PyTorch's names. It holds no learning rates: they
   * belong to the schedule.
   */
  state(): NamedTensors;
  /** Takes all of it or, when something is missing or misshapen, nothing. */
  restore(state: NamedTensors): void;
}

interface Moments {
  readonly variable: Variable;
  readonly mean: Variable;
  readonly square: Variable;
}

interface GroupState {
  readonly weightDecay: number;
  readonly moments: readonly Moments[];
  learningRate: number;
}

export function createAdamW(groups: readonly ParameterGroup[], options: AdamWOptions = {}): AdamW {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const states = new Map<string, GroupState>();
  for (const { name, variables, learningRate, weightDecay } of groups) {
    if (states.has(name)) throw new Error(`two parameter groups are named ${name}`);
    const moments = variables.map((variable) => ({ variable, mean: zeros(variable), square: zeros(variable) }));
    states.set(name, { weightDecay, learningRate, moments });
  }
  let step = 0;
  let stepTensor = tf.keep(tf.scalar(0, "int32"));

  const group = (name: string): GroupState => {
    const found = states.get(name);
    if (!found) throw new Error(`no parameter group ${name}`);
    return found;
  };

  /** Every tensor of the state but `step`, by name. */
  const named = (): Map<string, Variable> => {
    const all = new Map<string, Variable>();
    for (const [name, { moments }] of states) {
      moments.forEach(({ mean, square }, i) => {
        all.set(`${name}.${i}.exp_avg`, mean);
        all.set(`${name}.${i}.exp_avg_sq`, square);
      });
    }
    return all;
  };

  return {
    get step() {
      return step;
    },
    apply(gradients, scales = {}) {
      step++;
      const fused = tf.getKernel("AdamW", tf.getBackend()) !== undefined;
      tf.tidy(() => {
        // Rates and powers of beta are data, not constants, because some engines compile a graph
        // for equal steps. The root of the second correction is moved to the rate and to epsilon:
        // the same update, one operation fewer.
        const correction = Math.sqrt(1 - beta2 ** step);
        const shared: SharedScalars = {
          meanDecay: tf.scalar(beta1),
          meanShare: tf.scalar(1 - beta1),
          squareDecay: tf.scalar(beta2),
          squareShare: tf.scalar(1 - beta2),
          epsilon: tf.scalar(epsilon * correction),
        };
        for (const [name, { learningRate, weightDecay, moments }] of states) {
          const numbers: FusedStep = {
            rate: (learningRate * correction) / (1 - beta1 ** step),
            keep: 1 - learningRate * weightDecay,
            beta1,
            beta2,
            epsilon: epsilon * correction,
          };
          const rate = tf.scalar(numbers.rate);
          const keep = weightDecay === 0 ? undefined : tf.scalar(numbers.keep);
          const scale = scales[name];
          for (const one of moments) {
            const gradient = gradients[one.variable.name];
            if (!gradient) continue;
            tf.tidy(() => {
              if (fused) updateFused(one, gradient, scale, numbers);
              else update(one, scale ? tf.mul(gradient, scale) : gradient, rate, keep, shared);
            });
          }
        }
      });
    },
    learningRate: (name) => group(name).learningRate,
    setLearningRate(name, learningRate) {
      group(name).learningRate = learningRate;
    },
    state() {
      stepTensor.dispose();
      stepTensor = tf.keep(tf.scalar(step, "int32"));
      return { step: stepTensor, ...Object.fromEntries(named()) };
    },
    restore(state) {
      const targets = [...named()].map(([name, variable]) => ({
        variable,
        value: requireTensor(state, name, variable.shape),
      }));
      // Read synchronously: no kernel computes a step, so its value is on the host.
      const restored = requireTensor(state, "step", []).dataSync()[0]!;
      if (!Number.isInteger(restored) || restored < 0) {
        throw new RevqError("optimizer-step", `The optimizer's state has step ${restored}.`, {
          fix: "The checkpoint is damaged; resume from an earlier one.",
        });
      }
      step = restored;
      // Clones, because assigning a variable to itself would free it first.
      tf.tidy(() => targets.forEach(({ variable, value }) => variable.assign(tf.clone(value))));
    },
    dispose() {
      stepTensor.dispose();
      for (const variable of named().values()) variable.dispose();
    },
  };
}

/** Attributes of the kernel "AdamW" of the engine `onnx`: one pass instead of a dozen. */
interface FusedStep {
  readonly rate: number;
  readonly keep: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

function updateFused(
  { variable, mean, square }: Moments,
  gradient: Tensor,
  scale: Scalar | undefined,
  attributes: FusedStep,
): void {
  const inputs = { variable, gradient, mean, square, ...(scale ? { scale } : {}) };
  const moved = tf.engine().runKernel("AdamW", inputs, { ...attributes }) as unknown as Tensor[];
  [variable, mean, square].forEach((target, i) => target.assign(moved[i]!));
}

interface SharedScalars {
  readonly meanDecay: Scalar;
  readonly meanShare: Scalar;
  readonly squareDecay: Scalar;
  readonly squareShare: Scalar;
  readonly epsilon: Scalar;
}

/**
 * rate = lr * sqrt(1 - beta2^t) / (1 - beta1^t); keep = 1 - lr * weightDecay, undefined without
 * decay.
 */
function update(
  { variable, mean, square }: Moments,
  gradient: Tensor,
  rate: Scalar,
  keep: Scalar | undefined,
  shared: SharedScalars,
): void {
  const newMean = tf.add(tf.mul(mean, shared.meanDecay), tf.mul(gradient, shared.meanShare));
  const newSquare = tf.add(tf.mul(square, shared.squareDecay), tf.mul(tf.square(gradient), shared.squareShare));
  const change = tf.mul(tf.div(newMean, tf.add(tf.sqrt(newSquare), shared.epsilon)), rate);
  variable.assign(tf.sub(keep ? tf.mul(variable, keep) : variable, change));
  mean.assign(newMean);
  square.assign(newSquare);
}

function zeros(like: Variable): Variable {
  return tf.tidy(() => tf.variable(tf.zeros(like.shape), false));
}
