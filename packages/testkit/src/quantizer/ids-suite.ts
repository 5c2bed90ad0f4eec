/** Tests of a fitted quantizer: ids, coefficients, state, tensors left behind. */
import { bitsPerImage, createRandom, quietContext } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { copyState, expectClose, expectFinite, expectNoLeak, expectRevqError, expectSameState } from "../checks.js";
import type { Subject } from "./subject.js";

export function testIds(subject: Subject): void {
  const { given, input, shape, size } = subject;
  const batch = (n: number): Tensor4D => subject.batch(n);
  const idsOf = (coefficients: Tensor4D): Promise<Int32Array> => subject.idsOf(subject.quantizer, coefficients);
  const coefficientsOf = (ids: ArrayLike<number>): Promise<Float32Array> =>
    subject.coefficientsOf(subject.quantizer, ids);

  it("has a group with codes for every token", () => {
    const { count, codebookSizes, groupOf } = subject.quantizer.layout;
    expect(groupOf).toBeInstanceOf(Int32Array);
    expect(groupOf.length).toBe(count);
    expect(new Set(groupOf)).toEqual(new Set(codebookSizes.keys()));
    for (const codes of codebookSizes) expect(Number.isInteger(codes) && codes >= 1, `${codes} codes`).toBe(true);
    expect(bitsPerImage(subject.quantizer.layout)).toBeGreaterThan(0);
  });

  it("knows its layout and counts its parameters without being created", () => {
    const before = tf.memory().numTensors;
    const { layout, parameterCount } = subject.description(subject.resolved);
    expect(tf.memory().numTensors).toBe(before);
    expect(layout).toEqual(subject.quantizer.layout);
    // Permutations (int32) do not count, and scales of coefficients depend on the transform.
    const floats = Object.values(subject.quantizer.state()).filter(({ dtype }) => dtype === "float32");
    const kept = floats.reduce((sum, tensor) => sum + tensor.size, 0);
    if (input.decorrelated) expect(parameterCount).toBeLessThanOrEqual(kept);
    else expect(parameterCount).toBe(kept);
  });

  it("fits, reports each pass, and leaves no tensor behind", async () => {
    const other = await subject.create();
    // A scale that is learned adds a tensor to the state.
    const kept = (): number => tf.memory().numTensors - Object.keys(other.state()).length;
    const before = kept();
    const { passes } = await other.fit(subject.source(), quietContext(createRandom(7)));
    expect(kept() - before, "tensors that fit left behind").toBe(0);
    expect(passes.length).toBeGreaterThan(0);
    for (const { mse, usage } of passes) {
      expect(mse).toBeGreaterThanOrEqual(0);
      expect(usage).toBeGreaterThan(0);
      expect(usage).toBeLessThanOrEqual(1);
    }
    other.dispose();
  });

  it("gives ids [n, t] int32 within their codebooks, and coefficients [n, h, w, c] float32", async () => {
    const { count, codebookSizes, groupOf } = subject.quantizer.layout;
    const coefficients = batch(3);
    const ids = await subject.quantizer.quantize(coefficients);
    expect(ids.shape).toEqual([3, count]);
    expect(ids.dtype).toBe("int32");
    (await ids.data()).forEach((id, i) => {
      expect(id).toBeGreaterThanOrEqual(0);
      expect(id).toBeLessThan(codebookSizes[groupOf[i % count]!]!);
    });
    const output = subject.quantizer.dequantize(ids);
    expect(output.shape).toEqual([3, ...shape]);
    expect(output.dtype).toBe("float32");
    expectFinite("the quantized coefficients", await output.data());
    tf.dispose([coefficients, ids, output]);
  });

  it("is nearer to its input than zero is", async () => {
    const values = input.values(subject.quantizer.layout.count, given.samples, 1).slice(0, 5 * size);
    const output = await coefficientsOf(await idsOf(subject.tensor(values)));
    const squares = (of: (value: number, i: number) => number): number =>
      values.reduce((sum, value, i) => sum + of(value, i) ** 2, 0);
    expect(squares((value, i) => value - output[i]!)).toBeLessThan(squares((value) => value));
  });

  it("gives the same ids and coefficients every time, and the same fit for the same seed", async () => {
    const ids = await idsOf(batch(5));
    expect(await idsOf(batch(5))).toEqual(ids);
    const output = await coefficientsOf(ids);
    expect(await coefficientsOf(ids)).toEqual(output);
    const again = await subject.fitted();
    expect(await subject.idsOf(again, batch(5))).toEqual(ids);
    expect(await subject.coefficientsOf(again, ids)).toEqual(output);
    again.dispose();
  });

  it("finds the ids of a quantized latent again", async (context) => {
    if (!given.idempotent) return context.skip("the case is not idempotent");
    const output = await coefficientsOf(await idsOf(batch(5)));
    // Two codes may be equal: the coefficients must be the same bits.
    expect(await coefficientsOf(await idsOf(subject.tensor(output)))).toEqual(output);
  });

  it("treats each latent of a batch alone", async () => {
    const { count } = subject.quantizer.layout;
    const ids = await idsOf(batch(5));
    expect(await idsOf(batch(1))).toEqual(ids.slice(0, count));
    const output = await coefficientsOf(ids);
    const alone = await coefficientsOf(ids.slice(0, count));
    expectClose("the latent alone", alone, output.slice(0, size), given.tolerance);
  });

  it("takes a batch of 0", async () => {
    const none = tf.zeros([0, ...shape]) as Tensor4D;
    const noIds = await subject.quantizer.quantize(none);
    expect(noIds.shape).toEqual([0, subject.quantizer.layout.count]);
    const nothing = subject.quantizer.dequantize(noIds);
    expect(nothing.shape).toEqual([0, ...shape]);
    tf.dispose([none, noIds, nothing]);
  });

  it("restores its state in a fresh instance, which then gives the same output", async () => {
    const ids = await idsOf(batch(5));
    const fresh = await subject.create();
    const state = await copyState(subject.quantizer.state());
    fresh.restore(state);
    tf.dispose(state); // what is restored is a copy
    await expectSameState(fresh.state(), subject.quantizer.state());
    expect(await subject.idsOf(fresh, batch(5))).toEqual(ids);
    expect(await subject.coefficientsOf(fresh, ids)).toEqual(await coefficientsOf(ids));
    fresh.dispose();
  });

  it("refuses a state without its tensors", async (context) => {
    const fresh = await subject.create();
    const empty = Object.keys(fresh.state()).length === 0;
    if (!empty) await expectRevqError("an empty state", () => fresh.restore({}));
    fresh.dispose();
    if (empty) context.skip("its state is empty");
  });

  it("leaves no tensor behind", async () => {
    const coefficients = batch(2);
    await expectNoLeak("quantize", async () => (await subject.quantizer.quantize(coefficients)).dispose());
    const ids = await subject.quantizer.quantize(coefficients);
    await expectNoLeak("dequantize", () => subject.quantizer.dequantize(ids).dispose());
    await expectNoLeak("state", () => subject.quantizer.state());
    await expectNoLeak("restore", async () => {
      const state = await copyState(subject.quantizer.state());
      subject.quantizer.restore(state);
      tf.dispose(state);
    });
    await expectNoLeak("create and dispose", async () => (await subject.create()).dispose());
    tf.dispose([coefficients, ids]);
  });
}
