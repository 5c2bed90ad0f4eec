/** What is chosen when the user leaves options open, and whether it keeps to the budget. */
import { bitsPerImage, isRevqError, latentSize, parseOptions, tokenSplits, type LatentShape } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { multigroup, type MultigroupInput } from "../src/index.js";

beforeAll(() => tf.setBackend("cpu"));
const dcAe: LatentShape = { channels: 32, height: 8, width: 8 };
const sdVae: LatentShape = { channels: 4, height: 32, width: 32 };

interface Case {
  options?: MultigroupInput;
  latentShape?: LatentShape;
  samples?: number;
  bits?: number;
}

function plan({ options = {}, latentShape = dcAe, samples = 8000, bits }: Case): {
  choice: (number | string | undefined)[];
  reasons: readonly string[];
} {
  const planned = multigroup.plan!({ options, latentShape, samples, ...(bits === undefined ? {} : { bits }) });
  const { tokens, codes, split, groups } = planned.options;
  return { choice: [tokens, codes, split, groups], reasons: planned.reasons };
}

function errorOf(run: () => unknown): { code: string; message: string; fix: string | undefined } {
  try {
    run();
  } catch (error) {
    if (isRevqError(error)) return { code: error.code, message: error.message, fix: error.fix };
    throw error;
  }
  throw new Error("no error was thrown");
}

describe("transform auto", () => {
  it("is a transform where one block covers the map, none where seams would show", () => {
    const decided = (latentShape: LatentShape): unknown =>
      multigroup.plan!({ options: { transform: "auto" }, latentShape, samples: 8000 }).options.transform;
    expect(decided(dcAe)).toBe("dct-klt");
    expect(decided(sdVae)).toBe("none");
    expect(
      errorOf(() => multigroup.create(parseOptions(multigroup, { transform: "auto" }), { latentShape: dcAe })).message,
    ).toContain("transform");
  });
});

describe("without a budget", () => {
  it("takes tokens of 8 numbers and as many codes as the samples carry, 1024 at most", () => {
    expect(plan({}).choice).toEqual([256, 1024, "block", "channel"]);
    expect(plan({ samples: 1_000_000 }).choice).toEqual([256, 1024, "block", "token"]);
    expect(plan({ samples: 1000 }).choice).toEqual([256, 256, "block", "channel"]);
    expect(plan({ samples: 20 }).choice).toEqual([256, 16, "block", "channel"]);
    expect(plan({ latentShape: sdVae }).choice).toEqual([512, 1024, "block", "channel"]);
  });
  it("falls back to strips, and to the divisor that is nearest to 8 numbers", () => {
    expect(plan({ latentShape: { channels: 3, height: 7, width: 5 } }).choice).toEqual([
      15,
      1024,
      "channel",
      "channel",
    ]);
  });
  it("keeps what the user gave", () => {
    expect(plan({ options: { tokens: 512, codes: 1024, split: "channel", groups: "token" } }).choice).toEqual([
      512,
      1024,
      "channel",
      "token",
    ]);
    expect(plan({ options: { tokens: 512, codes: 100 } }).choice).toEqual([512, 100, "block", "token"]);
    expect(plan({ options: { split: "spatial" } }).choice).toEqual([256, 1024, "spatial", "channel"]);
    expect(plan({ options: { groups: 4 } }).choice[3]).toBe(4);
    expect(plan({ options: { tokens: 256, iterations: 3 } }).choice[0]).toBe(256);
  });
  it("says why, in sentences", () => {
    expect(plan({}).reasons).toMatchInlineSnapshot(`
      [
        "256 tokens of 8 numbers with 1024 codes each: 2560 bits per image.",
        "Tokens are patches of 2 x 4 cells inside a channel, which quantize better than strips.",
        "Tokens of one channel share a codebook (32 in all), because one codebook per token would leave 7.8 training samples per code; shared it is 62.5.",
      ]
    `);
  });
});

describe("with a budget", () => {
  it("comes to the budget with the fewest tokens that leave enough samples per code", () => {
    expect(plan({ bits: 2304 }).choice).toEqual([256, 512, "block", "channel"]);
    expect(plan({ bits: 5120 }).choice).toEqual([512, 1024, "block", "channel"]);
    expect(plan({ bits: 4096, samples: 1_280_000 }).choice).toEqual([256, 65536, "block", "channel"]);
    expect(plan({ bits: 4096, samples: 100 }).choice.slice(0, 2)).toEqual([1024, 16]);
  });
  it("gives up a part of it for enough samples per code", () => {
    expect(plan({ bits: 1000 }).choice.slice(0, 2)).toEqual([128, 128]);
  });
  it("keeps the tokens or the codes that were given, and says what they lead to", () => {
    expect(plan({ bits: 4000, options: { tokens: 512 } }).choice.slice(0, 2)).toEqual([512, 128]);
    expect(plan({ bits: 2500, options: { codes: 1000 } }).choice.slice(0, 2)).toEqual([128, 1000]);
    expect(plan({ bits: 4000, options: { tokens: 512 } }).reasons[0]).toMatchInlineSnapshot(
      `"512 tokens of 4 numbers with 128 codes each: 3584 bits per image, for a budget of 4000."`,
    );
  });
  it("refuses a budget that cannot be, with the nearest that can", () => {
    expect(errorOf(() => plan({ bits: 100 }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "fix": "Use --bits 128.",
        "message": "A budget of 100 bits per image is not possible for this latent: the smallest is 128.",
      }
    `);
    expect(errorOf(() => plan({ bits: 40_000 }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "fix": "Use --bits 32768.",
        "message": "A budget of 40000 bits per image is not possible for this latent: the largest is 32768.",
      }
    `);
    expect(errorOf(() => plan({ bits: 10, options: { tokens: 512 } }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "fix": "Use --bits 2048, or leave the number of tokens and codes open.",
        "message": "A budget of 10 bits per image is not possible for this latent with 512 tokens: the smallest is 2048.",
      }
    `);
  });
  it("refuses a budget beside tokens and codes", () => {
    expect(errorOf(() => plan({ bits: 4096, options: { tokens: 256, codes: 512 } }))).toMatchInlineSnapshot(`
      {
        "code": "bits-and-tokens-and-codes",
        "fix": "Leave out --bits, or one of --tokens and --codes.",
        "message": "A budget of 4096 bits was given together with 256 tokens and 512 codes, which come to 2304 bits per image.",
      }
    `);
  });
});

describe("what cannot be", () => {
  it("is refused with the plugin's words", () => {
    expect(errorOf(() => plan({ options: { tokens: 300 } })).message).toMatch(/300 tokens do not divide/);
    expect(errorOf(() => plan({ options: { tokens: 16, split: "block" } })).code).toBe("no-block-fits");
    expect(errorOf(() => plan({ options: { tokens: 16, groups: 17 } })).code).toBe("more-groups-than-tokens");
    expect(errorOf(() => plan({ options: { groups: "chanel" as "channel" } })).message).toMatchInlineSnapshot(
      `"Options of the quantizer multigroup: groups: expected "auto", "token", "channel" or a number of groups."`,
    );
    expect(errorOf(() => plan({ options: { token: 3 } as MultigroupInput })).message).toMatchInlineSnapshot(
      `"Options of the quantizer multigroup: no option "token" (did you mean tokens?)."`,
    );
  });
});

it("always plans what the schema and `create` take, within the budget", () => {
  const side = fc.constantFrom(1, 2, 3, 4, 6, 7, 8, 16);
  fc.assert(
    fc.property(
      fc.record({ channels: fc.constantFrom(1, 3, 4, 8, 16, 32), height: side, width: side }),
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
      fc.constantFrom("auto", ...tokenSplits),
      fc.constantFrom("auto" as const, "token" as const, "channel" as const, 2),
      (latentShape, samples, bits, split, groups) => {
        let planned;
        try {
          planned = multigroup.plan!({ options: { split, groups }, latentShape, samples, ...(bits ? { bits } : {}) });
        } catch (error) {
          // A budget beyond the latent, or a latent too odd for the split that was asked for.
          expect(isRevqError(error) && ["bits-impossible", "no-tokens-fit"]).toContain(
            (error as { code: string }).code,
          );
          return;
        }
        const options = parseOptions(multigroup, planned.options);
        expect(latentSize(latentShape) % options.tokens!).toBe(0);
        if (options.tokens! * options.codes! > 2 ** 16) return; // too large to make here
        const quantizer = multigroup.create(options, { latentShape });
        expect(quantizer.tokens.tokens).toBe(options.tokens);
        if (bits) expect(bitsPerImage(quantizer.tokens)).toBeLessThanOrEqual(bits);
        quantizer.dispose();
      },
    ),
    { numRuns: 300 },
  );
});
