/**
 * The conformance suite of quantizers: the promises of `QuantizerPlugin` and `Quantizer` in
 * @revq/core. Every case runs on latents and on the coefficients of a decorrelating transform.
 */
import type { OptionsSchema, QuantizerPlugin } from "@revq/core";
import { describe } from "vitest";
import type { QuantizerCase } from "./cases.js";
import { caseName, testOptions } from "./options-suite.js";
import { quantizerInputs } from "./quantizer/inputs.js";

/** Registers a `describe` block for the plugin. Call it at the top level of a test file. */
export function testQuantizer<Schema extends OptionsSchema>(
  plugin: QuantizerPlugin<Schema>,
  cases: readonly QuantizerCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    idempotent: true,
    samples: 200,
    tolerance: 0,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as QuantizerPlugin;
  describe(`conformance of the quantizer ${plugin.id}`, async () => {
    testOptions(widened, all);
    const { describeOnEngines } = await import("./engines.js");
    const { testQuantizerCase } = await import("./quantizer/case-suite.js");
    await describeOnEngines((engine) => {
      for (const each of all) {
        for (const input of quantizerInputs(each.latentShape))
          describe(`case ${each.name}, ${input.name}`, () => testQuantizerCase(widened, each, input, engine));
      }
    });
  });
}
