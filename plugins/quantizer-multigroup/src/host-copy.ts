/** A variable's values on the host, downloaded when they changed. */
import type { Variable } from "@tensorflow/tfjs-core";

/** The same array until the variable changes; not to be written to. */
export type HostCopy = () => Promise<Float32Array | Int32Array>;

/** Every change of a variable gives it new data, so a copy is good as long as the data is the same. */
export function hostCopy(variable: Variable): HostCopy {
  let known: { readonly dataId: object; readonly values: Float32Array | Int32Array } | undefined;
  return async () => {
    const { dataId } = variable;
    if (known?.dataId !== dataId) known = { dataId, values: (await variable.data()) as Float32Array | Int32Array };
    return known.values;
  };
}
