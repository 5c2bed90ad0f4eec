/**
 * The conformance suite of backbones: the promises of `BackbonePlugin` and `Backbone` in
 * @revq/core.
 */
import { parseOptions, type BackbonePlugin, type OptionsSchema } from "@revq/core";
import { describe, it } from "vitest";
import type { BackboneCase } from "./cases.js";
import { caseName, testOptions } from "./options-suite.js";

/** Registers a `describe` block for the plugin. Call it at the top level of a test file. */
export function testBackbone<Schema extends OptionsSchema>(
  plugin: BackbonePlugin<Schema>,
  cases: readonly BackboneCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    tolerance: 1e-5,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as BackbonePlugin;
  describe(`conformance of the backbone ${plugin.id}`, async () => {
    testOptions(widened, all);
    const { expectRevqError } = await import("./checks.js");
    const { describeOnEngines } = await import("./engines.js");
    const { testBackboneOnEngine } = await import("./backbone-suite.js");

    it("asks for weights where none were given", async (context) => {
      if (plugin.weights !== "required") return context.skip("it needs no weights");
      const [{ options, imageSize } = { options: {}, imageSize: 64 }] = all;
      const parsed = parseOptions(widened, options);
      await expectRevqError("create without weights", () => widened.create(parsed, { imageSize }));
    });

    await describeOnEngines((_, id) => {
      for (const each of all) {
        const reason = each.skip ?? (each.engines && !each.engines.includes(id) ? `left out on ${id}` : undefined);
        describe(`case ${each.name}`, () => {
          if (reason !== undefined) it("runs", (context) => context.skip(reason));
          else testBackboneOnEngine(widened, each);
        });
      }
    });
  });
}
