/** Names, shapes and initial values against PyTorch's lists and its documented defaults. */
import { createRandom, type LatentShape } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { ParameterSet, type ParameterShape } from "@revq/plugin-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { efficientvit } from "../src/index.js";
import { resolveSizes } from "../src/options.js";
import { parameterCount, parameterTable } from "../src/parameters.js";
import { needs, present, readJson } from "../../../packages/plugin-kit/test/pytorch-fixtures.js";

const latent: LatentShape = { channels: 32, height: 8, width: 8 };
const options = (given: object = {}) => efficientvit.options.parse(given) as Parameters<typeof resolveSizes>[0];

interface KeyList {
  readonly config: {
    readonly block_out_channels: [number];
    readonly layers_per_block: [number];
    readonly attention_head_dim: number;
  };
  readonly keys: Record<string, number[]>;
}

describe("parameter table", () => {
  it.skipIf(!present).each(["rectifier_small_keys.json", "rectifier_512t_keys.json"])(
    `has PyTorch's names, shapes and order: %s ${needs}`,
    (file) => {
      const { config, keys } = readJson<KeyList>(file);
      const given = options({
        channels: config.block_out_channels[0],
        layers: config.layers_per_block[0],
        headDim: config.attention_head_dim,
      });
      const table = parameterTable(resolveSizes(given, latent));
      expect(table.map(({ name, shape }) => [name, shape])).toEqual(Object.entries(keys));
    },
  );

  it("counts the parameters that the paper states", () => {
    expect(parameterCount(options({ channels: 512, layers: 3 }), latent)).toBe(14_069_792);
    expect(parameterCount(options({ channels: 1024, layers: 4 }), latent) / 1e6).toBeCloseTo(72.97, 2);
    expect(parameterCount(options({ channels: 512, layers: 4 }), latent) / 1e6).toBeCloseTo(18.66, 2);
  });
});

describe("initial values", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "cpu" });
  });
  afterAll(() => engine.dispose());
  const initialValues = (parameter: ParameterShape, seed: number): Float32Array => {
    const set = new ParameterSet([parameter], createRandom(seed));
    const values = set.get(parameter.name).dataSync() as Float32Array;
    set.dispose();
    return values;
  };
  const sizes = resolveSizes(options({ channels: 64, headDim: 16 }), latent);

  it("are U(-b, b) with b = 1 / sqrt(fan in), and 1 and 0 for norms", () => {
    const fanIn: Record<string, number> = {
      "conv_in.weight": 32 * 9,
      "up_blocks.0.0.attn.to_q.weight": 64,
      "up_blocks.0.0.attn.to_qkv_multiscale.0.proj_in.weight": 25,
      "up_blocks.0.0.attn.to_qkv_multiscale.0.proj_out.weight": 16,
      "up_blocks.0.1.attn.to_out.weight": 128,
      "up_blocks.0.1.conv_out.conv_inverted.weight": 64,
      "up_blocks.0.1.conv_out.conv_inverted.bias": 64,
      "up_blocks.0.1.conv_out.conv_depth.weight": 9,
      "up_blocks.0.1.conv_out.conv_depth.bias": 9,
      "up_blocks.0.1.conv_out.conv_point.weight": 256,
      "conv_out.weight": 64 * 9,
    };
    const table = parameterTable(sizes);
    for (const [name, inputs] of Object.entries(fanIn)) {
      const values = initialValues(
        table.find((parameter) => parameter.name === name)!,
        1,
      );
      const bound = 1 / Math.sqrt(inputs);
      const n = values.length;
      const mean = values.reduce((sum, value) => sum + value, 0) / n;
      const variance = values.reduce((sum, value) => sum + value * value, 0) / n;
      expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(Math.fround(bound));
      expect(Math.max(...values.map(Math.abs)), name).toBeGreaterThan(0.97 * bound);
      // Five standard errors: the mean's is b / sqrt(3 n), that of the mean square b^2 sqrt(4 / 45
      // n) about b^2 / 3.
      expect(Math.abs(mean), name).toBeLessThan((5 * bound) / Math.sqrt(3 * n));
      expect(Math.abs(variance - bound ** 2 / 3), name).toBeLessThan(5 * bound ** 2 * Math.sqrt(4 / (45 * n)));
    }
    for (const parameter of table.filter(({ name }) => name.includes("norm"))) {
      const expected = parameter.name.endsWith(".weight") ? 1 : 0;
      expect(new Set(initialValues(parameter, 1))).toEqual(new Set([expected]));
    }
  });

  it("depend on the seed and the name alone", () => {
    const [first, second] = parameterTable(sizes);
    const draw = (seed: number, parameter = first!) => initialValues(parameter, seed);
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7, second!).slice(0, 4)).not.toEqual(draw(7).slice(0, 4));
    const wider = { ...sizes, hidden: 2 * sizes.hidden };
    expect(initialValues(parameterTable(wider)[0]!, 7)).toEqual(draw(7));
  });
});

describe("sizes", () => {
  const widthFor = (channels: number, given: object = {}) =>
    resolveSizes(options(given), { channels, height: 8, width: 8 }).channels;

  it("choose the smallest width from 64 on that fits latent and heads", () => {
    expect([4, 8, 16, 32].map((channels) => widthFor(channels))).toEqual([64, 64, 64, 64]);
    expect([6, 12, 24, 128].map((channels) => widthFor(channels))).toEqual([96, 96, 96, 128]);
    expect(widthFor(6, { headDim: 16 })).toBe(96);
    expect(widthFor(6, { minChannels: 128 })).toBe(192);
  });

  it("refuse a width that is no multiple of latent channels and head dim", () => {
    expect(() => widthFor(6, { channels: 64 })).toThrowErrorMatchingInlineSnapshot(
      `[RevqError: The rectifier's channels must be a multiple of the latent's 6 channels and of headDim 32; got 64.]`,
    );
    expect(() => widthFor(8, { channels: 16 })).toThrow(
      /multiple of the latent's 8 channels and of headDim 32; got 16/,
    );
  });
});
