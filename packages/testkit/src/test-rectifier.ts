/**
 * The conformance suite of rectifiers: the promises of `RectifierPlugin` and `Rectifier` in
 * @revq/core.
 */
import type { OptionsSchema, RectifierPlugin } from "@revq/core";
import { describe } from "vitest";
import type { RectifierCase } from "./cases.js";
import { caseName, testOptions } from "./options-suite.js";

/** Registers a `describe` block for the plugin. Call it at the top level of a test file. */
export function testRectifier<Schema extends OptionsSchema>(
  plugin: RectifierPlugin<Schema>,
  cases: readonly RectifierCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    tolerance: 1e-5,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as RectifierPlugin;
  describe(`conformance of the rectifier ${plugin.id}`, async () => {
    testOptions(widened, all);
    const { describeOnEngines } = await import("./engines.js");
    const { testRectifierOnEngine } = await import("./rectifier-suite.js");
    await describeOnEngines((engine) => {
      for (const each of all) describe(`case ${each.name}`, () => testRectifierOnEngine(widened, each, engine));
    });
  });
}
