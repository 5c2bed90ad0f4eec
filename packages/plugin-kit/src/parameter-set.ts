/** The trainable numbers of a network by name: made from a table of shapes, lent to checkpoints, taken up from them. */
import { RevqError, requireTensor, type Disposable, type NamedTensors, type Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Variable } from "@tensorflow/tfjs-core";

export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Inputs that one output sums over: values start as U(-b, b), b = 1 / sqrt(fan in), PyTorch's default. Or a number that all
   * values start at.
   */
  readonly start: { readonly fanIn: number } | number;
}

export class ParameterSet implements Disposable {
  private readonly byName: ReadonlyMap<string, Variable>;

  /** Every parameter draws from a fork of its own, so its values do not depend on the others' sizes. */
  constructor(table: readonly ParameterShape[], random: Random) {
    this.byName = new Map(
      table.map(({ name, shape, start }) => {
        const values = new Float32Array(parameterCount([{ shape }]));
        if (typeof start === "number") values.fill(start);
        else {
          const draw = random.fork(name);
          const bound = 1 / Math.sqrt(start.fanIn);
          for (let i = 0; i < values.length; i++) values[i] = (2 * draw.uniform() - 1) * bound;
        }
        return [name, tf.tidy(() => tf.variable(tf.tensor(values, [...shape])))];
      }),
    );
  }

  /** In the order of the table. */
  get variables(): readonly Variable[] {
    return [...this.byName.values()];
  }

  get(name: string): Variable {
    const found = this.byName.get(name);
    if (!found) throw new Error(`There is no parameter ${name}.`);
    return found;
  }

  state(): NamedTensors {
    return Object.fromEntries(this.byName);
  }

  /** Takes all parameters or, when one is missing, misshapen (`state-…-tensor`) or unknown (`state-unknown-tensor`), none. */
  restore(state: NamedTensors): void {
    const unknown = Object.keys(state).filter((name) => !this.byName.has(name));
    if (unknown.length > 0) {
      throw new RevqError("state-unknown-tensor", `The network has no parameter ${unknown.slice(0, 3).join(", ")}.`, {
        fix: "The options in config.json must be those that the weights were made with.",
      });
    }
    const values = [...this.byName].map(([name, variable]) => requireTensor(state, name, variable.shape));
    // A clone, because assigning a variable to itself would free it first.
    tf.tidy(() => this.variables.forEach((variable, index) => variable.assign(tf.clone(values[index]!))));
  }

  dispose(): void {
    tf.dispose([...this.byName.values()]);
  }
}

/** How many numbers a table holds. */
export function parameterCount(table: readonly { readonly shape: readonly number[] }[]): number {
  return table.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
