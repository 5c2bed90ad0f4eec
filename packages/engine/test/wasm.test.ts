import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine, type Engine } from "../src/index.js";

/** What only complex numbers, ragged tensors and strings use, or has no gradient anyway. */
const unneeded = [
  "Complex",
  "ComplexAbs",
  "Draw",
  "Einsum",
  "FFT",
  "IFFT",
  "Imag",
  "RaggedGather",
  "RaggedRange",
  "RaggedTensorToTensor",
  "Real",
  "StaticRegexReplace",
];

describe("the wasm engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    await createEngine({ engine: "cpu" });
    engine = await createEngine({ engine: "wasm" });
  });
  afterAll(() => engine.dispose());

  it("has every kernel of tfjs cpu that training can need", () => {
    const kernels = (backend: string): string[] => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);
    const lacking = kernels("cpu").filter((name) => !kernels("wasm").includes(name));
    expect(lacking.sort()).toEqual(unneeded);
  });

  it("sums along axes before the last one like plain additions", async () => {
    const [rows, length, columns] = [3, 37, 19];
    const values = Float32Array.from({ length: rows * length * columns }, (_, i) => Math.sin(i * 1.3));
    const expected = new Float64Array(rows * columns);
    values.forEach((value, i) => {
      expected[Math.floor(i / (length * columns)) * columns + (i % columns)]! += value;
    });
    const sums = tf.sum(tf.tensor3d(values, [rows, length, columns]), 1);
    expect(sums.shape).toEqual([rows, columns]);
    (await sums.data()).forEach((sum, i) => expect(sum).toBeCloseTo(expected[i]!, 5));
    expect(tf.sum(tf.tensor3d(values, [rows, length, columns]), [0, 1], true).shape).toEqual([1, 1, columns]);
  });

  it("refuses a tensor beyond its address space instead of writing somewhere", () => {
    expect(() => tf.fill([2 ** 30 + 1], 1)).toThrow(expect.objectContaining({ code: "wasm-memory" }));
  });

  it.runIf(process.env["REVQ_TEST_FULL"])(
    "refuses a tensor when the heap is full (needs REVQ_TEST_FULL and 4 GiB)",
    () => {
      const held = tf.fill([2 ** 29 + 2 ** 28], 1);
      expect(() => tf.fill([2 ** 28], 1)).toThrow(expect.objectContaining({ code: "wasm-memory" }));
      held.dispose();
    },
  );

  it("ends a training loop with the heap and the tensors it had after its first steps", async () => {
    const variables = tf.tidy(() => [
      tf.variable(tf.mul(tf.randomNormal([3, 3, 8, 16]), 0.1)),
      tf.variable(tf.mul(tf.randomNormal([5, 5, 16, 1]), 0.1)),
      tf.variable(tf.mul(tf.randomNormal([1, 1, 16, 8]), 0.1)),
    ]);
    const [first, depthwise, last] = variables as [tf.Variable, tf.Variable, tf.Variable];
    const x = tf.randomNormal([2, 8, 8, 8]) as Tensor4D;
    const loss = (): tf.Scalar => {
      const hidden = tf.depthwiseConv2d(
        tf.conv2d(x, first as unknown as Tensor4D, 1, "same"),
        depthwise as unknown as Tensor4D,
        1,
        "same",
      );
      return tf.mean(
        tf.squaredDifference(tf.conv2d(tf.relu(hidden), last as unknown as Tensor4D, 1, "same"), x),
      ) as tf.Scalar;
    };
    const step = (): void =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, variables);
        for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 0.05)));
      });
    const before = tf.tidy(() => loss().dataSync()[0]!);
    for (let i = 0; i < 10; i++) step();
    const warm = engine.info();
    for (let i = 0; i < 200; i++) step();
    expect(engine.info()).toEqual(warm);
    expect(tf.tidy(() => loss().dataSync()[0]!)).toBeLessThan(before);
    tf.dispose([x, ...variables]);
  });

  const compiled = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  it.skipIf(!existsSync(compiled))("finds its .wasm from any working directory, compiled (needs npm run build)", () => {
    const script = `import { createEngine } from ${JSON.stringify(compiled)}; console.log((await createEngine({ engine: "wasm" })).id);`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: tmpdir(),
      encoding: "utf8",
    });
    expect(output.trim()).toBe("wasm");
  });
});
