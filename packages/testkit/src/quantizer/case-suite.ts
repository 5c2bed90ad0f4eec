/** The tests of one quantizer case on one kind of input and one engine. */
import type { QuantizerPlugin } from "@revq/core";
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect } from "vitest";
import type { FullCase, QuantizerCase } from "../cases.js";
import { testAbilities } from "./abilities-suite.js";
import { testIds } from "./ids-suite.js";
import type { QuantizerInput } from "./inputs.js";
import { testResolve } from "./resolve-suite.js";
import { Subject } from "./subject.js";

export function testQuantizerCase(
  plugin: QuantizerPlugin,
  given: FullCase<QuantizerCase>,
  input: QuantizerInput,
  engine: () => Engine,
): void {
  const subject = new Subject(plugin, given, input);
  let tensorsBefore = 0;
  beforeAll(async () => {
    tensorsBefore = tf.memory().numTensors;
    await subject.start();
  });
  afterAll(() => {
    subject.stop();
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });
  testResolve(subject);
  testIds(subject);
  testAbilities(subject, engine);
}
