/** Tests of `QuantizerPlugin.resolve` and `layout`. */
import {
  bitsPerImage,
  createRandom,
  isRevqError,
  parseOptions,
  type QuantizerCandidate,
  type QuantizerRequest,
} from "@revq/core";
import { expect, it } from "vitest";
import { expectNoLeak } from "../checks.js";
import type { Subject } from "./subject.js";

type Candidates = readonly QuantizerCandidate<Record<string, unknown>>[];

export function testResolve(subject: Subject): void {
  const { plugin, given } = subject;
  const missing = "it has no resolve";

  it.for([10, 1000, 1_000_000])(
    "resolves for %i samples to options that its schema takes",
    async (samples, context) => {
      if (!plugin.resolve) return context.skip(missing);
      const options = parseOptions(plugin, given.options);
      const candidates = (await plugin.resolve(options, subject.request(null, { samples }))) as Candidates;
      expect(candidates.length).toBeGreaterThan(0);
      for (const { options: resolved, reasons } of candidates) {
        expect(() => parseOptions(plugin, resolved)).not.toThrow();
        for (const reason of reasons) expect(reason).toMatch(/\S.*[.!]$/);
        for (const [name, value] of Object.entries(given.options)) {
          if (value !== "auto") expect(resolved[name], `option ${name}, which the user gave`).toEqual(value);
        }
      }
    },
  );

  it("offers candidates of equal tokens and bits, also for another transform's", async (context) => {
    if (!plugin.resolve) return context.skip(missing);
    const options = parseOptions(plugin, given.options);
    const layouts = async (change: Partial<QuantizerRequest> = {}) => {
      const candidates = (await plugin.resolve!(options, subject.request(null, change))) as Candidates;
      return candidates.map(({ options }) => subject.description(parseOptions(plugin, options)).layout);
    };
    const [first, ...others] = await layouts();
    for (const layout of [...others, ...(await layouts({ keep: first! }))]) {
      expect(layout.count).toBe(first!.count);
      expect(bitsPerImage(layout)).toBeCloseTo(bitsPerImage(first!), 9);
    }
  });

  it("resolves the same way every time, keeps resolved options, and leaves no tensor", async (context) => {
    if (!plugin.resolve) return context.skip(missing);
    await expectNoLeak("resolve", async () => {
      const resolved = await subject.resolve();
      expect(await subject.resolve()).toEqual(resolved);
      expect(await subject.resolve(resolved, { random: createRandom(8) })).toEqual(resolved);
    });
  });

  it.for([1, 64, 1000, 10_000_000])(
    "keeps to a budget of %i bits, or refuses it with a RevqError",
    async (bits, context) => {
      if (!plugin.resolve) return context.skip(missing);
      try {
        const resolved = await subject.resolve({}, { bits });
        expect(bitsPerImage(subject.description(resolved).layout)).toBeLessThanOrEqual(bits);
      } catch (error) {
        if (!isRevqError(error)) throw error;
      }
    },
  );
}
