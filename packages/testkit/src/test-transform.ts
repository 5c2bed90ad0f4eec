/**
 * The conformance suite of transforms: the promises of `TransformPlugin` and `Transform` in
 * @revq/core.
 */
import type { OptionsSchema, TransformPlugin } from "@revq/core";
import { describe } from "vitest";
import type { TransformCase } from "./cases.js";
import { caseName, testOptions } from "./options-suite.js";

/** Registers a `describe` block for the plugin. Call it at the top level of a test file. */
export function testTransform<Schema extends OptionsSchema>(
  plugin: TransformPlugin<Schema>,
  cases: readonly TransformCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    samples: 200,
    tolerance: 1e-5,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as TransformPlugin;
  describe(`conformance of the transform ${plugin.id}`, async () => {
    testOptions(widened, all);
    const { describeOnEngines } = await import("./engines.js");
    const { testTransformOnEngine } = await import("./transform-suite.js");
    await describeOnEngines((engine) => {
      for (const each of all) describe(`case ${each.name}`, () => testTransformOnEngine(widened, each, engine));
    });
  });
}
