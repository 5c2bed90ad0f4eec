import { createHash } from "node:crypto";
import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { adamwStep, adamwStepRows } from "@revq/nearest";
import { stepElements } from "../src/adamw.js";
import { hasShared, readSafetensors, sharedPath } from "./shared.js";

const normals = (length: number, seed: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
};

/** Comparing long arrays element by element takes seconds. */
const bits = (values: Float32Array): string => createHash("sha256").update(values).digest("hex");

/** The largest difference, relative where the numbers are above 1. */
function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs(a[i]! - b[i]!) / Math.max(1, Math.abs(b[i]!)));
  return max;
}

for (const file of ["train_step_T256_K32", "train_step_T512_K16"]) {
  const present = hasShared("fixtures", `${file}.safetensors`);
  it.skipIf(!present)(`takes PyTorch's two steps (needs ../shared/fixtures/${file}.safetensors)`, () => {
    const { tensors, metadata } = readSafetensors(sharedPath("fixtures", `${file}.safetensors`));
    const at = (name: string): Float32Array => tensors[name]!.data.slice() as Float32Array;
    const name = Object.keys(tensors)
      .find((key) => key.startsWith("p0.q."))!
      .slice(3);
    const param = at(`p0.${name}`);
    const m = new Float32Array(param.length);
    const v = new Float32Array(param.length);
    const lr = Number(metadata["lr_quantizer"] ?? metadata["quantizer_lr"] ?? 0.01);
    for (const step of [1, 2]) {
      const norm = tensors[`gradnorm${step}`]!.data[0]!;
      const gradScale = Math.min(1, 1 / (norm + 1e-6)); // torch.nn.utils.clip_grad_norm_ with max_norm 1
      adamwStep(param, at(`g${step}.${name}`), m, v, { lr, step, gradScale });
      expect(furthest(param, at(`p${step}.${name}`))).toBeLessThan(1e-6);
    }
    expect(furthest(m, at(`m2.${name}`))).toBeLessThan(1e-9);
    expect(furthest(v, at(`v2.${name}`))).toBeLessThan(1e-12);
  });
}

it("is the textbook's step in float64", () => {
  const [length, lr, weightDecay] = [257, 0.02, 0.1];
  const param = normals(length, 1);
  const exact = Float64Array.from(param);
  const [m, v] = [new Float32Array(length), new Float32Array(length)];
  const [m64, v64] = [new Float64Array(length), new Float64Array(length)];
  for (let step = 1; step <= 10; step++) {
    const grad = normals(length, 100 + step);
    adamwStep(param, grad, m, v, { lr, weightDecay, step });
    for (let i = 0; i < length; i++) {
      m64[i] = 0.9 * m64[i]! + 0.1 * grad[i]!;
      v64[i] = 0.999 * v64[i]! + 0.001 * grad[i]! ** 2;
      const update = m64[i]! / (1 - 0.9 ** step) / (Math.sqrt(v64[i]! / (1 - 0.999 ** step)) + 1e-8);
      exact[i] = exact[i]! * (1 - lr * weightDecay) - lr * update;
    }
  }
  expect(furthest(param, exact)).toBeLessThan(1e-6);
});

it("moves rows without a gradient as a gradient of zeros does", () => {
  const [rows, dim] = [40, 3];
  const dense = { param: normals(rows * dim, 1), m: new Float32Array(rows * dim), v: new Float32Array(rows * dim) };
  const sparse = { param: dense.param.slice(), m: dense.m.slice(), v: dense.v.slice() };
  for (let step = 1; step <= 6; step++) {
    const hit = Int32Array.from({ length: 7 }, (_, i) => i * 5 + (step % 4));
    const rowGrads = normals(hit.length * dim, step);
    const grad = new Float32Array(rows * dim);
    hit.forEach((row, i) => grad.set(rowGrads.subarray(i * dim, (i + 1) * dim), row * dim));
    const options = { lr: 0.1, weightDecay: 0.01, step, gradScale: 0.5 };
    adamwStep(dense.param, grad, dense.m, dense.v, options);
    adamwStepRows(sparse.param, hit, rowGrads, dim, sparse.m, sparse.v, options);
  }
  expect(sparse).toEqual(dense);
});

it("gives the same bits without WebAssembly, across chunks too", () => {
  const length = 40_001;
  const [param, grad, m, v] = [
    normals(length, 1),
    normals(length, 2),
    normals(length, 3),
    normals(length, 4).map(Math.abs),
  ] as const;
  const plain = { param: param.slice(), m: m.slice(), v: v.slice() };
  adamwStep(param, grad, m, v, { lr: 0.1, weightDecay: 0.01, step: 3, gradScale: 0.3 });
  const c = [
    1 - 0.1 * 0.01,
    0.9,
    1 - 0.9,
    0.999,
    1 - 0.999,
    0.1 / (1 - 0.9 ** 3),
    1 / Math.sqrt(1 - 0.999 ** 3),
    1e-8,
    0.3,
  ];
  stepElements(plain.param, grad, plain.m, plain.v, length, c.map(Math.fround) as never);
  expect([param, m, v].map(bits)).toEqual([plain.param, plain.m, plain.v].map(bits));
});

it("moves rows that lie across chunks", () => {
  const [rows, dim] = [8000, 5];
  const dense = { param: normals(rows * dim, 1), m: new Float32Array(rows * dim), v: new Float32Array(rows * dim) };
  const sparse = { param: dense.param.slice(), m: dense.m.slice(), v: dense.v.slice() };
  const hit = Int32Array.from({ length: 4000 }, (_, i) => i * 2);
  const rowGrads = normals(hit.length * dim, 2);
  const grad = new Float32Array(rows * dim);
  hit.forEach((row, i) => grad.set(rowGrads.subarray(i * dim, (i + 1) * dim), row * dim));
  adamwStep(dense.param, grad, dense.m, dense.v, { lr: 0.1, step: 1 });
  adamwStepRows(sparse.param, hit, rowGrads, dim, sparse.m, sparse.v, { lr: 0.1, step: 1 });
  expect([sparse.param, sparse.m, sparse.v].map(bits)).toEqual([dense.param, dense.m, dense.v].map(bits));
});

it("refuses rows out of order and steps that are not counted from 1", () => {
  const zeros = new Float32Array(4);
  const rows = Int32Array.of(1, 0);
  expect(() => adamwStepRows(zeros, rows, zeros, 2, zeros, zeros, { lr: 1, step: 1 })).toThrow("rows must ascend");
  expect(() => adamwStep(zeros, zeros, zeros, zeros, { lr: 1, step: 0 })).toThrow("counted from 1");
});
