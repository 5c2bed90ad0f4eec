import { beforeEach, describe, expect, it } from "vitest";
import { onnxBackendStats, registerOnnxBackend } from "../src/index.js";
import { BufferPool } from "../src/memory/buffer-pool.js";
import { repeatedTail } from "../src/graph/period.js";
import { tf } from "./compare.js";

beforeEach(async () => {
  await tf.setBackend("onnx");
});

/** A fresh backend with other options. */
async function restart(options: Parameters<typeof registerOnnxBackend>[0]): Promise<void> {
  await tf.setBackend("cpu");
  tf.removeBackend("onnx");
  registerOnnxBackend(options);
  await tf.setBackend("onnx");
}

describe("tensors", () => {
  it("reads synchronously and asynchronously", async () => {
    const x = tf.mul(tf.tensor1d([1, 2, 3]), 2);
    expect([...x.dataSync()]).toEqual([2, 4, 6]);
    expect([...(await tf.add(x, 1).data())]).toEqual([3, 5, 7]);
  });
  it("copies what it is given: the caller may reuse its array", async () => {
    const values = new Float32Array([1, 2]);
    const y = tf.add(tf.tensor1d(values), 1);
    values.fill(9);
    expect([...(await y.data())]).toEqual([2, 3]);
  });
  it("what was read is the reader's own", async () => {
    const x = tf.tensor1d([1, 2]);
    (await x.data())[0] = 7;
    expect([...x.dataSync()]).toEqual([1, 2]);
  });
  it("inputs may be disposed while work on them is queued", async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const y = tf.square(x);
    const z = tf.add(y, x);
    x.dispose();
    y.dispose();
    // The buffers of x would be handed out again here if the queue did not hold them.
    const other = tf.tensor1d([9, 9, 9]);
    expect([...(await z.data())]).toEqual([2, 6, 12]);
    expect([...other.dataSync()]).toEqual([9, 9, 9]);
  });
  it("large buffers are reused only when nothing queued reads them", async () => {
    const n = 4096;
    const x = tf.ones([n]);
    const y = tf.add(x, 1);
    x.dispose();
    const replacement = tf.tensor1d(new Float32Array(n).fill(50));
    expect((await y.data())[n - 1]).toBe(2);
    expect(replacement.dataSync()[0]).toBe(50);
  });
  it("a tensor may be disposed while it is read", async () => {
    const x = tf.add(tf.tensor1d([1]), 1);
    const reading = x.data();
    x.dispose();
    expect([...(await reading)]).toEqual([2]);
  });
  it("reshaped tensors share contents and outlive each other", async () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const { numDataBuffers } = tf.memory();
    const square = tf.reshape(x, [2, 2]);
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
    x.dispose();
    expect([...(await tf.transpose(square).data())]).toEqual([1, 3, 2, 4]);
  });
  it("moves tensors in from another backend", async () => {
    await tf.setBackend("cpu");
    const x = tf.tensor1d([1, 2]);
    await tf.setBackend("onnx");
    expect([...(await tf.mul(x, 3).data())]).toEqual([3, 6]);
  });
  it("memory is true", async () => {
    const before = tf.memory();
    expect(before.unreliable).toBeFalsy();
    const { aliveBytes } = onnxBackendStats();
    const x = tf.ones([100]);
    const y = tf.add(x, 1);
    await y.data();
    expect(onnxBackendStats().aliveBytes).toBe(aliveBytes + 800);
    expect(tf.memory().numBytes).toBe(before.numBytes + 800);
    tf.dispose([x, y]);
    expect(onnxBackendStats().aliveBytes).toBe(aliveBytes);
    expect(tf.memory().numTensors).toBe(before.numTensors);
  });
  it("keeps strings but does not compute with them", async () => {
    const x = tf.tensor1d(["a", "b"]);
    expect(await x.data()).toEqual(["a", "b"]);
    expect(() => tf.concat([x, x])).toThrow(/string tensors/);
  });
});

describe("refusals", () => {
  it("names the kernel that it lacks", () => {
    expect(() => tf.fft(tf.complex([1, 2], [0, 0]))).toThrow(/Complex|complex/);
    expect(() => tf.image.cropAndResize(tf.ones([1, 4, 4, 1]), [[0, 0, 1, 1]], [0], [2, 2])).toThrow(/CropAndResize/);
  });
  it("a failed graph loses its own tensors only", async () => {
    const kept = tf.tensor1d([1, 2]);
    const outside = tf.gather(kept, tf.tensor1d([7], "int32"));
    await expect(outside.data()).rejects.toMatchObject({ code: "onnx-run" });
    await expect(outside.data()).rejects.toMatchObject({ code: "onnx-lost" });
    expect([...(await tf.add(kept, 1).data())]).toEqual([2, 3]);
  });
});

describe("sessions", () => {
  it("are shared by graphs of one structure and evicted beyond the bound", async () => {
    await restart({ maxSessions: 3 });
    const run = async (size: number): Promise<void> => {
      const x = tf.ones([size]);
      const y = tf.add(x, tf.scalar(size));
      expect((await y.data())[0]).toBe(size + 1);
      tf.dispose([x, y]);
    };
    for (const size of [1, 2, 3, 1, 2, 3]) await run(size);
    expect(onnxBackendStats()).toMatchObject({ misses: 3, hits: 3, evictions: 0 });
    for (const size of [4, 5, 1]) await run(size);
    expect(onnxBackendStats()).toMatchObject({ sessions: 3, misses: 6, evictions: 3 });
  });
  it("are dropped when their working memory passes its bound", async () => {
    await restart({ maxArenaBytes: 3 << 20 });
    for (const size of [1, 2, 4, 8]) {
      // Two intermediate tensors of 1 MiB.
      const y = tf.tidy(() => tf.sum(tf.exp(tf.neg(tf.fill([size, (1 << 18) / size], 0)))));
      expect((await y.data())[0]).toBeCloseTo(Math.floor((1 << 18) / size) * size, -1);
      y.dispose();
    }
    expect(onnxBackendStats().arenaBytes).toBeLessThanOrEqual(3 << 20);
    expect(onnxBackendStats().evictions).toBeGreaterThan(0);
    await restart({});
  });
  it("dead work is never run", async () => {
    await restart({});
    const x = tf.ones([2]);
    tf.exp(x).dispose();
    await x.data();
    expect(onnxBackendStats()).toMatchObject({ flushes: 0, misses: 0 });
  });
  it("the queue is bounded by bytes too", async () => {
    await restart({ maxQueuedBytes: 1 << 16 });
    for (let step = 0; step < 8; step++) tf.square(tf.ones([8192])).dispose();
    expect(onnxBackendStats().queuedNodes).toBeLessThan(8);
    await restart({});
  });
});

describe("buffer pool", () => {
  it("hands freed buffers out again and stays within its bound", () => {
    const pool = new BufferPool(20_000);
    const first = pool.acquire(8192);
    pool.retain(first);
    pool.release(first);
    expect(pool.liveBytes).toBe(8192);
    pool.release(first);
    expect([pool.liveBytes, pool.freeBytes]).toEqual([0, 8192]);
    expect(pool.acquire(8192).data).toBe(first.data);
    const several = [10_000, 10_000, 12_000].map((size) => pool.acquire(size));
    for (const buffer of several) pool.release(buffer);
    expect(pool.freeBytes).toBeLessThanOrEqual(20_000);
    expect(() => pool.release(several[0]!)).toThrow(/twice/);
  });
});

describe("repeatedTail", () => {
  it("finds the round of a loop after a prologue", () => {
    expect(repeatedTail([..."xyabcabcabc"])).toBe(3);
    expect(repeatedTail([..."abcdefgh"])).toBe(0);
    expect(repeatedTail([..."qabbabbabbabb"])).toBe(3);
  });
});
