import type { RevqError } from "@revq/core";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { explicitLayer } from "../src/config/resolve.js";
import { annotateConfig, environmentLayer, resolveConfig, type ConfigLayer, type NamedLayer } from "../src/index.js";
import { describedPlugins as plugins } from "./support/described-plugins.js";

const parse = (text: string): ConfigLayer => parseYaml(text) as ConfigLayer;
const flags = (values: Record<string, unknown>): NamedLayer => ({ name: "flags", values });

describe("resolveConfig", () => {
  it("has defaults for everything", () => {
    const { config } = resolveConfig([], plugins);
    expect(config).toMatchObject({
      recipe: "kmeans",
      backbone: { id: "sd-vae" },
      rectifier: { id: "efficientvit", outputSkip: true },
      data: { imageSize: 256 },
    });
  });

  it("lets a later layer win, key by key, and remembers which one it was", () => {
    const { config, origins } = resolveConfig(
      [
        { name: "revq.yaml", values: { seed: 1, train: { epochs: 3, batch: 7 } } },
        { name: "environment", values: { seed: 2 } },
        flags({ train: { epochs: 5 } }),
      ],
      plugins,
    );
    expect([config.seed, config.train.epochs, config.train.batch]).toEqual([2, 5, 7]);
    expect(["seed", "train.epochs", "train.batch", "train.clipNorm"].map((key) => origins.get(key))).toEqual([
      "environment",
      "flags",
      "revq.yaml",
      "default",
    ]);
  });

  it("a decoder of another VAE: its options are checked as those of its plugin", () => {
    const decoder = (values: object): NamedLayer => flags({ backbone: { decoder: values } });
    const { config } = resolveConfig([decoder({ id: "sd-vae", weights: "vae", patch: 4 })], plugins);
    expect(config.backbone).toMatchObject({ id: "sd-vae", decoder: { id: "sd-vae", weights: "vae", patch: 4 } });
    const annotated = parse(annotateConfig(resolveConfig([decoder({ id: "sd-vae" })], plugins), plugins));
    expect(annotated).toMatchObject({ backbone: { decoder: { id: "sd-vae" } } });
    const refused = (values: object): RevqError => {
      try {
        resolveConfig([decoder(values)], plugins);
      } catch (error) {
        return error as RevqError;
      }
      throw new Error("not refused");
    };
    expect(refused({ id: "sd-vae", pach: 4 })).toMatchObject({
      code: "plugin-options",
      message: expect.stringContaining("did you mean patch?"),
      setting: { path: "backbone.decoder.pach" },
    });
    expect(refused({ weights: "vae" })).toMatchObject({
      message: "backbone.decoder.weights is set, but no decoder is named.",
      setting: { path: "backbone.decoder.id" },
    });
    expect(refused({ id: "vae" }).code).toBe("plugin-unknown");
  });

  it("takes recipe paper from the paper's presets, with the settings of its table", () => {
    const { config } = resolveConfig([flags({ preset: "256T-L" })], plugins);
    expect(config).toMatchObject({
      recipe: "paper",
      quantizer: { tokens: 256, codes: 262144 },
      rectifier: { channels: 512, layers: 4, headDim: 32, outputSkip: false },
      train: {
        epochs: 100,
        batch: 128,
        learningRate: 0.01,
        rectifierRate: 0.05,
        weightDecay: 1e-4,
        finalRate: 0.05,
        clipNorm: 1,
      },
    });
  });

  it("cuts patches of all channels for one codebook with the preset for autoregressive models", () => {
    const { config } = resolveConfig([flags({ preset: "ar", quantizer: { codes: 16384 } })], plugins);
    expect(config).toMatchObject({
      recipe: "kmeans",
      transform: { id: "none", metric: "decoder" },
      quantizer: { id: "vq", split: "patch", codes: 16384 },
    });
    expect(config.quantizer["tokens"]).toBeUndefined();
  });

  it("keeps a preset's sizes but not its procedure under another recipe", () => {
    const { config } = resolveConfig([flags({ preset: "512T", recipe: "kmeans" })], plugins);
    expect(config).toMatchObject({ recipe: "kmeans", quantizer: { tokens: 512 }, rectifier: { outputSkip: true } });
    expect(config.train.epochs).not.toBe(100);
  });

  it("drops a preset's options of a plugin that the user replaced", () => {
    const { config } = resolveConfig([flags({ preset: "512T", rectifier: { id: "identity" } })], plugins);
    expect(config.rectifier).toEqual({ id: "identity" });
  });

  it.each([
    [{ train: { epoch: 3 } }, /no key train\.epoch \(from flags\), did you mean epochs/],
    [{ train: { epochs: "many" } }, /train\.epochs \(from flags\)/],
    [{ recipe: "papr" }, /no recipe "papr".*paper/],
    [{ preset: "512" }, /no preset "512".*512T/],
    [{ quantizer: { id: "multigrop" } }, /Did you mean multigroup/],
  ])("refuses %j", (values, message) => {
    expect(() => resolveConfig([flags(values)], plugins)).toThrow(message);
  });
});

describe("images and latents", () => {
  const file = { name: "revq.yaml", values: { data: { latents: "l.npy", valLatents: "v.npy" } } };

  it("lets a flag that names images put a file's latents aside, and the other way round", () => {
    const { data } = resolveConfig([file, flags({ data: { train: "photos" } })], plugins).config;
    expect(data).toMatchObject({ train: "photos", latents: null, valLatents: null });
    const images = { name: "revq.yaml", values: { data: { train: "photos", val: "heldOut" } } };
    expect(resolveConfig([images, flags({ data: { latents: "l.npy" } })], plugins).config.data).toMatchObject({
      train: null,
      val: null,
      latents: "l.npy",
    });
  });

  it("refuses both in one place", () => {
    expect(() => resolveConfig([flags({ data: { train: "photos", latents: "l.npy" } })], plugins)).toThrow(
      /data\.train and data\.latents/,
    );
  });
});

describe("the quantizer of latents alone", () => {
  const quantizerOf = (values: Record<string, unknown>) => resolveConfig([flags(values)], plugins).config.quantizer.id;
  const data = { latents: "l.npy" };

  it("is trellis with recipe kmeans, and that of pictures elsewhere", () => {
    expect(quantizerOf({ data })).toBe("trellis");
    expect(quantizerOf({ data, preset: "tiny" })).toBe("trellis");
    expect(quantizerOf({ data: { train: "photos" } })).toBe("multigroup");
    expect(quantizerOf({ data, recipe: "paper" })).toBe("multigroup");
    expect(quantizerOf({ data, preset: "ar" })).toBe("vq");
  });

  it("gives way to the user's own, and to options that it does not take", () => {
    expect(quantizerOf({ data, quantizer: { id: "multigroup" } })).toBe("multigroup");
    expect(quantizerOf({ data, quantizer: { tokens: 8, codes: 4 } })).toBe("trellis");
    expect(quantizerOf({ data, quantizer: { codes: 3 } })).toBe("multigroup");
  });

  it("says where it comes from, with the sets that plugins have for latents", () => {
    const { config, origins } = resolveConfig([flags({ data })], plugins);
    expect(config.rectifier["minChannels"]).toBe(128);
    expect(["quantizer.id", "rectifier.minChannels"].map((key) => origins.get(key))).toEqual(
      Array(2).fill("latents alone"),
    );
    expect(resolveConfig([], plugins).config.rectifier).not.toHaveProperty("minChannels");
  });
});

describe("the transform", () => {
  const transformOf = (values: Record<string, unknown>) => resolveConfig([flags(values)], plugins).config.transform;
  it("is the quantizer's own choice with recipe kmeans, and none with recipe paper", () => {
    expect(transformOf({})).toEqual({ id: "auto", metric: "auto" });
    expect(transformOf({ quantizer: { id: "fsq" } })).toEqual({ id: "none", metric: "auto" });
    expect(transformOf({ recipe: "paper" })).toEqual({ id: "none", metric: "standardized" });
    expect(transformOf({ preset: "512T" })).toEqual({ id: "none", metric: "standardized" });
  });
  it("is the user's, with options that are checked", () => {
    const transform = { id: "dct", metric: "centred", block: 4 };
    expect(transformOf({ recipe: "paper", transform })).toEqual(transform);
    expect(() => transformOf({ transform: { id: "dct", blok: 4 } })).toThrow(/did you mean block/);
    expect(() => transformOf({ transform: { id: "dtc" } })).toThrow(/Did you mean dct/);
  });
});

describe("the setting of an error", () => {
  const settingOf = (values: Record<string, unknown>): string | undefined => {
    try {
      resolveConfig([flags(values)], plugins);
    } catch (error) {
      return (error as RevqError).setting?.path;
    }
    return "none";
  };
  it.each([
    [{ train: { epochs: 0 } }, "train.epochs"],
    [{ train: { epoch: 3 } }, "train.epoch"],
    [{ rectifier: { chanels: 3 } }, "rectifier.chanels"],
    [{ recipe: "papr" }, "recipe"],
    [{ data: { train: "photos", latents: "l.npy" } }, "data.latents"],
  ])("of %j is %s", (values, path) => {
    expect(settingOf(values)).toBe(path);
  });
});

describe("environmentLayer", () => {
  it("reads REVQ_ variables into keys", () => {
    const layer = environmentLayer(
      {
        REVQ_SEED: "4",
        REVQ_TRAIN__LEARNING_RATE: "0.5",
        REVQ_RECTIFIER__HEAD_DIM: "16",
        REVQ_ONNX_PROVIDER: "webgpu",
        HOME: "y",
      },
      (text) => (Number.isNaN(Number(text)) ? text : Number(text)),
    );
    expect(layer).toEqual({ seed: 4, train: { learningRate: 0.5 }, rectifier: { headDim: 16 } });
  });
});

describe("annotateConfig", () => {
  it("says what each key means and where it came from", () => {
    const text = annotateConfig(resolveConfig([flags({ seed: 3, backbone: { patch: 16 } })], plugins), plugins);
    expect(text).toContain("seed: 3  # Same seed, data and engine: same tokenizer. (flags)");
    expect(text).toContain("  patch: 16  # side of a patch (flags)");
    expect(text).toMatch(/^train:\n {2}# epochs: "auto" {2}# /m);
  });

  it("leaves what nobody set to presets and recipes, when it is used as a file later", () => {
    const file = {
      name: "revq.yaml",
      values: parse(annotateConfig(resolveConfig([flags({ seed: 3 })], plugins), plugins)),
    };
    const preset = flags({ preset: "512T" });
    expect(resolveConfig([file, preset], plugins).config).toEqual(
      resolveConfig([flags({ preset: "512T", seed: 3 })], plugins).config,
    );
    const setsNothing = (value: unknown): boolean =>
      value === null || (typeof value === "object" && Object.values(value).every(setsNothing));
    const untouched = parse(annotateConfig(resolveConfig([], plugins), plugins)) as object;
    expect(Object.keys(untouched)).toContain("train");
    expect(setsNothing(untouched)).toBe(true);
  });

  it("pins every value in the record of a run", () => {
    const resolved = resolveConfig([flags({ preset: "512T" })], plugins);
    const file = { name: "config.yaml", values: parse(annotateConfig(resolved, plugins, { pinned: true })) };
    expect(resolveConfig([file], plugins).config).toEqual(resolved.config);
  });
});

it("does not count the images as named where latents are, and the other way round", () => {
  const { explicit } = resolveConfig([{ name: "flags", values: { data: { latents: "a.npy" } } }], plugins);
  expect([...explicit]).toEqual(["data.latents"]);
});

describe("a value of the wrong kind", () => {
  it.each([
    [{ train: { epochs: "two" } }, 'train.epochs (from flags): expected auto or a number, got "two".'],
    [{ train: { epochs: 0 } }, "train.epochs (from flags): expected at least 1, got 0."],
    [{ train: { learningRate: "fast" } }, 'train.learningRate (from flags): expected a number, got "fast".'],
    [{ train: { learningRate: 0 } }, "train.learningRate (from flags): expected more than 0, got 0."],
    [{ train: { select: "best" } }, 'train.select (from flags): expected auto or lpips or psnr or latent, got "best".'],
    [{ data: { memory: "2" } }, 'data.memory (from flags): a size such as "4GiB", got "2".'],
    [{ quantizer: 1 }, "quantizer (from flags): expected a section with keys, got 1."],
    [{ backbone: { embed: "yes" } }, 'backbone.embed (from flags): expected true or false, got "yes".'],
  ])("%j is named with what was expected", (values, message) => {
    expect(() => resolveConfig([{ name: "flags", values }], plugins)).toThrow(`The configuration is wrong: ${message}`);
  });
});

it("refuses weights for a backbone that is fitted on the images", () => {
  const backbone = { id: "linear", weights: "vae" };
  expect(() => resolveConfig([{ name: "flags", values: { backbone } }], plugins)).toThrow(
    expect.objectContaining({
      message: "The backbone linear takes no weights: it is fitted on the training images. Got the weights vae.",
      setting: { path: "backbone.weights" },
    }),
  );
});

it("the explicit values alone resolve to the same configuration, and name nothing else", () => {
  const layers: NamedLayer[] = [
    { name: "file", values: { data: { latents: "a.npy" }, train: { epochs: 3 }, quantizer: { tokens: 16 } } },
    { name: "flags", values: { preset: "tiny", data: { train: ["a.tar", "b"] }, train: { epochs: 2 } } },
  ];
  const resolved = resolveConfig(layers, plugins);
  const again = resolveConfig([{ name: "trial", values: explicitLayer(resolved) }], plugins);
  expect(again.config).toEqual(resolved.config);
  expect([...again.explicit].sort()).toEqual([...resolved.explicit].sort());
  expect(again.explicit.has("quantizer.codes")).toBe(false);
});
