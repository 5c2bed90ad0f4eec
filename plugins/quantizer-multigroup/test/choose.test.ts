/** The choice of open options, and whether it keeps to the budget. */
import {
  bitsPerImage,
  isRevqError,
  latentSize,
  parseOptions,
  sharedTokenLayout,
  tokenSplits,
  type LatentShape,
  type TokenLayout,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { multigroup, type MultigroupInput } from "../src/index.js";
import { create, resolve1, resolveAll } from "./support.js";

beforeAll(() => tf.setBackend("cpu"));
const dcAe: LatentShape = { channels: 32, height: 8, width: 8 };
const sdVae: LatentShape = { channels: 4, height: 32, width: 32 };

interface Case {
  options?: MultigroupInput;
  latentShape?: LatentShape;
  samples?: number;
  bits?: number;
  decorrelated?: boolean;
  keep?: TokenLayout;
}

async function choose({ latentShape = dcAe, samples = 8000, ...rest }: Case): Promise<{
  choice: (number | string | undefined)[];
  reasons: readonly string[];
}> {
  const { options, reasons } = await resolve1({ latentShape, samples, ...rest });
  return { choice: [options.tokens, options.codes, options.split, options.groups], reasons };
}

async function choice(given: Case): Promise<(number | string | undefined)[]> {
  return (await choose(given)).choice;
}

async function errorOf(run: Promise<unknown>): Promise<{ code: string; message: string; setting: unknown }> {
  try {
    await run;
  } catch (error) {
    if (isRevqError(error)) return { code: error.code, message: error.message, setting: error.setting };
    throw error;
  }
  throw new Error("no error was thrown");
}

describe("with decorrelated coefficients", () => {
  it("allocates eigenvalues, with as many codebooks as leave 500 samples per code", async () => {
    expect(await choice({ decorrelated: true })).toEqual([256, 1024, "eigenvalue", 4]);
    expect(await choice({ decorrelated: true, options: { tokens: 512, codes: 1024 } })).toEqual([
      512,
      1024,
      "eigenvalue",
      8,
    ]);
    expect(await choice({ decorrelated: true, options: { split: "channel" } })).toEqual([
      256,
      1024,
      "channel",
      "channel",
    ]);
  });
  it("refuses tokens that blocks cannot share", async () => {
    const error = await errorOf(
      choose({ decorrelated: true, latentShape: { channels: 4, height: 64, width: 64 }, options: { tokens: 1 } }),
    );
    expect(error.code).toBe("no-transform-fits");
  });
});

describe("without a budget", () => {
  it("takes tokens of 8 elements and as many codes as the samples carry, 1024 at most", async () => {
    expect(await choice({})).toEqual([256, 1024, "block", "channel"]);
    expect(await choice({ samples: 1_000_000 })).toEqual([256, 1024, "block", "token"]);
    expect(await choice({ samples: 1000 })).toEqual([256, 256, "block", "channel"]);
    expect(await choice({ samples: 20 })).toEqual([256, 16, "block", "channel"]);
    expect(await choice({ latentShape: sdVae })).toEqual([512, 1024, "block", "channel"]);
  });
  it("falls back to strips, and to the divisor that is nearest to 8 elements", async () => {
    expect(await choice({ latentShape: { channels: 3, height: 7, width: 5 } })).toEqual([
      15,
      1024,
      "channel",
      "channel",
    ]);
  });
  it("keeps what the user gave", async () => {
    expect(await choice({ options: { tokens: 512, codes: 1024, split: "channel", groups: "token" } })).toEqual([
      512,
      1024,
      "channel",
      "token",
    ]);
    expect(await choice({ options: { tokens: 512, codes: 100 } })).toEqual([512, 100, "block", "token"]);
    expect(await choice({ options: { split: "spatial" } })).toEqual([256, 1024, "spatial", "channel"]);
    expect((await choice({ options: { groups: 4 } }))[3]).toBe(4);
    expect((await choice({ options: { tokens: 256, iterations: 3 } }))[0]).toBe(256);
  });
  it("says why, in sentences", async () => {
    expect((await choose({})).reasons).toMatchInlineSnapshot(`
      [
        "256 tokens of 8 elements with 1024 codes each: 2560 bits per image.",
        "Tokens are patches of 2 x 4 positions of a channel, which quantize better than strips.",
        "Tokens of one channel share a codebook (32 in all): 62.5 training samples per code instead of 7.8.",
      ]
    `);
  });
});

describe("with a budget", () => {
  it("comes to the budget with the fewest tokens that leave enough samples per code", async () => {
    expect(await choice({ bits: 2304 })).toEqual([256, 512, "block", "channel"]);
    expect(await choice({ bits: 5120 })).toEqual([512, 1024, "block", "channel"]);
    expect(await choice({ bits: 4096, samples: 1_280_000 })).toEqual([256, 65536, "block", "channel"]);
    expect((await choice({ bits: 4096, samples: 100 })).slice(0, 2)).toEqual([1024, 16]);
  });
  it("gives up a part of it for enough samples per code", async () => {
    expect((await choice({ bits: 1000 })).slice(0, 2)).toEqual([128, 128]);
  });
  it("keeps the tokens or the codes that were given, and says what they lead to", async () => {
    expect((await choice({ bits: 4000, options: { tokens: 512 } })).slice(0, 2)).toEqual([512, 128]);
    expect((await choice({ bits: 2500, options: { codes: 1000 } })).slice(0, 2)).toEqual([128, 1000]);
    expect((await choose({ bits: 4000, options: { tokens: 512 } })).reasons[0]).toMatchInlineSnapshot(
      `"512 tokens of 4 elements with 128 codes each: 3584 bits per image, for a budget of 4000."`,
    );
  });
  it("refuses a budget that cannot be, with the nearest that can", async () => {
    expect(await errorOf(choose({ bits: 100 }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "message": "A budget of 100 bits per image is not possible for this latent: the smallest is 128.",
        "setting": {
          "path": "bits",
          "value": 128,
        },
      }
    `);
    expect(await errorOf(choose({ bits: 40_000 }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "message": "A budget of 40000 bits per image is not possible for this latent: the largest is 32768.",
        "setting": {
          "path": "bits",
          "value": 32768,
        },
      }
    `);
    expect(await errorOf(choose({ bits: 10, options: { tokens: 512 } }))).toMatchInlineSnapshot(`
      {
        "code": "bits-impossible",
        "message": "A budget of 10 bits per image is not possible for this latent with 512 tokens: the smallest is 2048.",
        "setting": {
          "path": "bits",
          "value": 2048,
        },
      }
    `);
  });
  it("refuses a budget beside tokens and codes", async () => {
    expect(await errorOf(choose({ bits: 4096, options: { tokens: 256, codes: 512 } }))).toMatchInlineSnapshot(`
      {
        "code": "bits-and-tokens-and-codes",
        "message": "A budget of 4096 bits was given together with 256 tokens and 512 codes, which come to 2304 bits per image.",
        "setting": {
          "path": "bits",
        },
      }
    `);
  });
});

describe("what cannot be", () => {
  it("is refused with the plugin's words", async () => {
    expect((await errorOf(choose({ options: { tokens: 300 } }))).message).toMatch(/300 tokens do not divide/);
    expect((await errorOf(choose({ options: { tokens: 16, split: "block" } }))).code).toBe("no-block-fits");
    expect((await errorOf(choose({ options: { tokens: 16, groups: 17 } }))).code).toBe("more-groups-than-tokens");
    expect((await errorOf(choose({ options: { groups: "chanel" as "channel" } }))).message).toMatchInlineSnapshot(
      `"Options of the quantizer multigroup: groups: expected "auto", "token", "channel" or a number of groups, got "chanel"."`,
    );
    expect((await errorOf(choose({ options: { token: 3 } as MultigroupInput }))).message).toMatchInlineSnapshot(
      `"Options of the quantizer multigroup: no option "token" (did you mean tokens?)."`,
    );
  });
});

describe("candidates", () => {
  const layouts = async (given: Case): Promise<string[]> => {
    const { latentShape = dcAe, samples = 8000, ...rest } = given;
    const candidates = await resolveAll({ latentShape, samples, ...rest });
    return candidates.map(({ options }) => `${options.tokens} ${options.codes} ${options.split} ${options.groups}`);
  };

  it("have more codebooks after a decorrelating transform, as long as a code has 30 samples", async () => {
    const options = { tokens: 512, codes: 1024 };
    expect(await layouts({ decorrelated: true, options })).toEqual([
      "512 1024 eigenvalue 8",
      "512 1024 eigenvalue 32",
      "512 1024 eigenvalue 128",
    ]);
    expect(await layouts({ decorrelated: true, options, samples: 300 })).toEqual([
      "512 1024 eigenvalue 1",
      "512 1024 eigenvalue 4",
    ]);
    expect(await layouts({ decorrelated: true, options, samples: 50 })).toEqual(["512 1024 eigenvalue 1"]);
  });
  it("are a codebook a channel, and tokens of neighbouring channels, without one", async () => {
    expect(await layouts({ samples: 1_000_000 })).toEqual([
      "256 1024 block token",
      "256 1024 block channel",
      "256 1024 spatial channel",
    ]);
  });
  it("are one where split and groups are given", async () => {
    expect(await layouts({ options: { split: "channel", groups: "token" } })).toEqual(["256 256 channel token"]);
    expect(await layouts({ decorrelated: true, options: { groups: 4 } })).toEqual(["256 1024 eigenvalue 4"]);
  });
  it("keep the tokens and codes of another transform, whatever the budget is", async () => {
    const keep = sharedTokenLayout(128, 64);
    expect((await layouts({ keep, bits: 2304 }))[0]).toBe("128 64 block token");
  });
});

it("always chooses options that the schema and `create` take, within the budget", async () => {
  const side = fc.constantFrom(1, 2, 3, 4, 6, 7, 8, 16);
  await fc.assert(
    fc.asyncProperty(
      fc.record({ channels: fc.constantFrom(1, 3, 4, 8, 16, 32), height: side, width: side }),
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
      fc.constantFrom("auto", ...tokenSplits),
      fc.constantFrom("auto" as const, "token" as const, "channel" as const, 2),
      async (latentShape, samples, bits, split, groups) => {
        let chosen;
        try {
          chosen = await resolve1({ options: { split, groups }, latentShape, samples, bits });
        } catch (error) {
          // A budget beyond the latent, or a latent too odd for the given split.
          expect(isRevqError(error) && ["bits-impossible", "no-tokens-fit"]).toContain(
            (error as { code: string }).code,
          );
          return;
        }
        const options = parseOptions(multigroup, chosen.options);
        expect(latentSize(latentShape) % options.tokens!).toBe(0);
        const { layout } = multigroup.layout(options, latentShape);
        expect(layout.count).toBe(options.tokens);
        if (bits) expect(bitsPerImage(layout)).toBeLessThanOrEqual(bits);
        if (options.tokens! * options.codes! > 2 ** 16) return; // too large to make here
        const quantizer = await create(chosen.options, latentShape);
        expect(quantizer.layout).toEqual(layout);
        quantizer.dispose();
      },
    ),
    { numRuns: 300 },
  );
});
