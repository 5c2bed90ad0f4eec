/** The flags of `revq train` and `revq config`, and the config layers that they, the environment and a config file make. */
import { Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { environmentLayer, presetNames, setPath, type ConfigLayer, type NamedLayer } from "@revq/train";
import { parse } from "yaml";
import { engineFlag } from "./base-command.js";
import { readConfigFile } from "./config-file.js";
import { dtypeFlag } from "./dtype-flag.js";
import { networkFlags, parseReportImages } from "./eval-metrics.js";

export const configFlags = {
  backbone: Flags.string({
    description: "the VAE, by plugin id (default sd-vae)",
    helpValue: "<id>",
    helpGroup: "MODEL",
  }),
  quantizer: Flags.string({
    description: "the quantizer, by plugin id (default multigroup)",
    helpValue: "<id>",
    helpGroup: "MODEL",
  }),
  rectifier: Flags.string({
    description: "the rectifier, by plugin id (default efficientvit)",
    helpValue: "<id>",
    helpGroup: "MODEL",
  }),
  weights: Flags.string({
    description: "file or folder with the backbone's weights",
    helpValue: "<spec>",
    helpGroup: "MODEL",
  }),
  "embed-backbone": Flags.boolean({
    description: "copy the backbone's weights into the tokenizer",
    helpGroup: "MODEL",
  }),
  dtype: dtypeFlag("MODEL"),
  preset: Flags.string({ description: "settings of a known run", options: presetNames, helpGroup: "MODEL" }),
  tokens: Flags.integer({ description: "tokens per image (T)", min: 1, helpGroup: "MODEL" }),
  codes: Flags.integer({ description: "codes in each group's codebook (K)", min: 1, helpGroup: "MODEL" }),
  bits: Flags.integer({
    description: "budget in bits per image: picks tokens and codes, and says why",
    min: 1,
    helpGroup: "MODEL",
  }),
  data: Flags.string({
    description:
      "folder of training images (nested is fine), .tar or .parquet files of them, a store of `revq extract`, or synthetic:dead-leaves; without it the embedded samples",
    helpValue: "<dir>",
    helpGroup: "DATA",
  }),
  val: Flags.string({
    description: "folder of held-out images; without it a seeded 10 % of the training images",
    helpValue: "<dir>",
    helpGroup: "DATA",
  }),
  latents: Flags.string({
    description: "train on latents instead of images: float16/32 .npy [n,c,h,w]",
    helpValue: "<file>",
    exclusive: ["data", "val"],
    helpGroup: "DATA",
  }),
  "val-latents": Flags.string({
    description: "held-out latents",
    helpValue: "<file>",
    dependsOn: ["latents"],
    helpGroup: "DATA",
  }),
  memory: Flags.string({
    description: "how much of the data may be kept in memory, beside model and engine (default 2GiB)",
    helpValue: "<size>",
    helpGroup: "DATA",
  }),
  "image-size": Flags.integer({
    description: "side of the square training images in pixels (default 256)",
    min: 1,
    helpGroup: "DATA",
  }),
  recipe: Flags.string({
    description: "fit: k-means codebooks, then the rectifier; paper: the authors' joint AdamW",
    options: ["fit", "paper"],
    helpGroup: "TRAINING",
  }),
  epochs: Flags.integer({
    description: "epochs (of the rectifier in recipe fit; k-means passes by --set quantizer.iterations)",
    min: 1,
    helpGroup: "TRAINING",
  }),
  batch: Flags.integer({ description: "images per training step", min: 1, helpGroup: "TRAINING" }),
  lr: Flags.string({
    description: "AdamW's learning rate: of the codebooks in recipe paper, of the rectifier in recipe fit",
    helpValue: "<x>",
    helpGroup: "TRAINING",
  }),
  ...networkFlags({ helpGroup: "SCORES" }),
  "report-images": Flags.string({
    description: "how many of the worst and of the best images the run's page shows, or none (default 4)",
    helpValue: "<n|none>",
    helpGroup: "SCORES",
  }),
  seed: Flags.integer({ description: "same seed, data and engine: same tokenizer", min: 0, helpGroup: "TRAINING" }),
  engine: engineFlag,
  config: Flags.string({
    description: "YAML or JSON file with any of the keys that `revq config` prints, or a module that exports them",
    helpValue: "<file>",
  }),
  set: Flags.string({
    description: "set any key: --set rectifier.channels=64",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "<a.b=c>",
  }),
  out: Flags.string({
    char: "o",
    description: "the tokenizer's folder (default: a new one under revq-runs/)",
    helpValue: "<dir>",
  }),
};

/** Flag to config key; values go in as they are. */
const paths: Readonly<Record<string, string>> = {
  backbone: "backbone.id",
  quantizer: "quantizer.id",
  rectifier: "rectifier.id",
  weights: "backbone.weights",
  "embed-backbone": "backbone.embed",
  preset: "preset",
  tokens: "quantizer.tokens",
  codes: "quantizer.codes",
  bits: "bits",
  data: "data.train",
  val: "data.val",
  latents: "data.latents",
  "val-latents": "data.valLatents",
  memory: "data.memory",
  "image-size": "data.imageSize",
  recipe: "recipe",
  epochs: "train.epochs",
  batch: "train.batch",
  lr: "train.learningRate",
  seed: "seed",
  lpips: "score.lpips",
  "lpips-net": "score.lpipsNet",
  inception: "score.inception",
  "report-images": "score.reportImages",
  engine: "engine",
  out: "out",
};

/** Flags whose text is not yet the value. */
const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  lr: parseScalar,
  "report-images": parseReportImages,
};

export type ConfigFlagValues = Readonly<Record<string, unknown>>;

/** File, environment and flags as layers, weakest first. */
export async function userLayers(flags: ConfigFlagValues): Promise<NamedLayer[]> {
  const file = flags["config"] as string | undefined;
  return [
    ...(file === undefined ? [] : [{ name: file, values: await readConfigFile(file) }]),
    { name: "environment", values: environmentLayer(process.env, parseScalar) },
    { name: "flags", values: flagLayer(flags) },
  ];
}

/** Packages and paths with plugins that flags and the config file name. */
export function namedPlugins(flags: ConfigFlagValues, layers: readonly NamedLayer[]): string[] {
  const listed = layers.flatMap(({ values }) =>
    Array.isArray(values["plugins"]) ? (values["plugins"] as unknown[]).map(String) : [],
  );
  return [...((flags["plugin"] as string[] | undefined) ?? []), ...listed];
}

function flagLayer(flags: ConfigFlagValues): ConfigLayer {
  let layer: ConfigLayer = {};
  for (const [flag, path] of Object.entries(paths)) {
    const value = flags[flag];
    const parse = parsers[flag];
    if (value !== undefined) layer = setPath(layer, path.split("."), parse ? parse(value as string) : value);
  }
  for (const assignment of (flags["set"] as string[] | undefined) ?? []) {
    const [, path, text] = /^([A-Za-z][\w.]*)=(.*)$/s.exec(assignment) ?? [];
    if (path === undefined || text === undefined) {
      throw new RevqError("set-syntax", `--set ${assignment} is not of the form a.b=c.`, {
        fix: "For example: --set rectifier.channels=64",
        exitCode: 2,
      });
    }
    layer = setPath(layer, path.split("."), parseScalar(text));
  }
  return layer;
}

/** YAML's reading of a scalar: 64, 1e-3, true, null, text, [a, b]. */
function parseScalar(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}
