/** Kernels that create tensors, and those of batch normalisation. */
import { randomUniform, tidy, util } from "@tensorflow/tfjs-core";
import * as b from "./builder.js";
import { defineInfoKernel, defineKernel, type OnnxKernel } from "./define.js";
import { softmax } from "./reduction.js";

type NumericType = "float32" | "int32" | "bool";

/** A constant if it is small. Otherwise the graph repeats one fed element: no session keeps it. */
function like(name: string, number: 0 | 1): OnnxKernel {
  return defineKernel(name, (graph, { x }, _, backend) =>
    b.expand(graph, backend.feed([number], [], x!.type as NumericType), x!.shape),
  );
}

export const creationKernels: readonly OnnxKernel[] = [
  like("ZerosLike", 0),
  like("OnesLike", 1),
  defineInfoKernel<{ shape: number[]; value: number | string; dtype?: NumericType | "string" }>(
    "Fill",
    (backend, _inputs, { shape, value, dtype }) => {
      const type = dtype ?? util.inferDtype(value);
      if (typeof value === "string" || type === "string") {
        const strings = new Array<Uint8Array>(util.sizeFromShape(shape)).fill(util.encodeString(String(value)));
        return { dataId: backend.write(strings, shape, "string"), shape, dtype: "string" };
      }
      return backend.tensor(b.expand(backend.graph, backend.feed([Number(value)], [], type as NumericType), shape));
    },
  ),
  defineInfoKernel<{ start: number; stop: number; step: number; dtype: NumericType }>(
    "Range",
    (backend, _inputs, { start, stop, step, dtype }) => {
      const backwards = start < stop && step < 0;
      const count =
        start === stop || backwards || (stop < start && step > 1)
          ? 0
          : Math.abs(Math.ceil((stop - start) / (stop < start && step === 1 ? -1 : step)));
      const values = util.makeZerosTypedArray(count, dtype);
      const stride = stop < start && step === 1 ? -1 : step;
      if (count > 0) values[0] = start;
      for (let index = 1; index < count; index++) values[index] = values[index - 1]! + stride;
      return { dataId: backend.write(values as Float32Array, [count], dtype), shape: [count], dtype };
    },
  ),
  defineInfoKernel<{ start: number; stop: number; num: number }>(
    "LinSpace",
    (backend, _inputs, { start, stop, num }) => {
      const values = new Float32Array(num);
      const step = (stop - start) / (num - 1);
      values[0] = start;
      for (let index = 1; index < num; index++) values[index] = values[index - 1]! + step;
      return { dataId: backend.write(values, [num], "float32"), shape: [num], dtype: "float32" };
    },
  ),
  defineKernel<{ varianceEpsilon: number }>(
    "FusedBatchNorm",
    (graph, { x, mean, variance, offset, scale }, { varianceEpsilon }) => {
      const deviation = b.unary(graph, "Sqrt", b.add(graph, variance!, graph.scalar(varianceEpsilon, "float32")));
      const normalised = b.div(graph, b.sub(graph, x!, mean!), deviation);
      const scaled = scale ? b.mul(graph, normalised, scale) : normalised;
      return offset ? b.add(graph, scaled, offset) : scaled;
    },
  ),
  defineKernel<{ numSamples: number; seed: number; normalized: boolean }>(
    "Multinomial",
    (graph, { logits }, { numSamples, seed, normalized }, backend) => {
      const [rows, events] = logits!.shape as [number, number];
      const shares = normalized ? logits! : softmax(graph, logits!, "Softmax", -1);
      // As on tfjs's cpu backend, every row has the same draws, and the last event takes the rest.
      const values = tidy(() => randomUniform([numSamples], 0, 1, "float32", seed).dataSync<"float32">());
      const draws = backend.feed(values, [1, numSamples, 1], "float32");
      const first = b.slice(graph, shares, [0, 0], [rows, events - 1]);
      const bounds = graph.add("CumSum", [first, graph.int64(1)], { type: "float32", shape: first.shape });
      const passed = b.binary(graph, "GreaterOrEqual", draws, b.reshape(graph, bounds, [rows, 1, events - 1]), "bool");
      return b.reduce(graph, "ReduceSum", b.cast(graph, passed, "int32"), [2]);
    },
  ),
];
