import * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import { createEngine, registerGradients } from "../src/index.js";

/** As if it were not installed: it registers nothing. */
vi.mock("@tensorflow/tfjs-layers", () => ({}));

const missing = (name: string): Promise<never> =>
  Promise.reject(Object.assign(new Error(`Cannot find package '${name}'`), { code: "ERR_MODULE_NOT_FOUND" }));

it("an engine computes without @tensorflow/tfjs-layers, and says that it does not train", async () => {
  const engine = await createEngine({ engine: "cpu" });
  expect(engine.trains).toBe(false);
  expect(await tf.sum(tf.matMul(tf.ones([2, 3]), tf.ones([3, 2]))).data()).toEqual(Float32Array.of(12));
  engine.dispose();
});

it("who needs gradients is told what to install", async () => {
  await expect(registerGradients(missing)).rejects.toMatchObject({
    code: "gradients-missing",
    fix: "Install it: npm install @tensorflow/tfjs-layers.",
  });
  const broken = (): Promise<never> => Promise.reject(new Error("Unexpected token"));
  await expect(registerGradients(broken)).rejects.toThrow("Unexpected token");
});
