import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { createEngine } from "../src/index.js";

describe("createEngine", () => {
  it.each(["cpu", "wasm"] as const)("brings up %s", async (id) => {
    const engine = await createEngine({ engine: id });
    expect(engine.id).toBe(id);
    expect(tf.getBackend()).toBe(id);
    engine.dispose();
  });
});
