/**
 * What `record.mjs` runs, in the words of the version that the first record was made with, and how those words became flags then and do
 * now: `flagsOf` is the one place that knows of versions.
 */

/** Names of settings that are flags; the others are keys of `--set`. */
const flagNames = [
  ...[
    "backbone",
    "quantizer",
    "rectifier",
    "weights",
    "tokens",
    "codes",
    "bits",
    "preset",
    "image-size",
    "data",
    "val",
  ],
  ...["latents", "val-latents", "epochs", "batch", "seed"],
];

/** Keys of `--set` that have another name since transforms are plugins of their own. */
const keysSinceTransforms = {};

/**
 * @param help what `revq train --help` prints
 * @returns settings -> flags, for the version that prints this
 */
export function flagsOf(help) {
  const transforms = /--transform\b/.test(help);
  const special = {
    recipe: (name) => ["--recipe", transforms ? name.replace(/^fit$/, "kmeans") : name],
    transform: (name) => (transforms ? ["--transform", name] : ["--set", `quantizer.transform=${name}`]),
  };
  return (settings) =>
    Object.entries(settings).flatMap(([key, value]) => {
      if (special[key]) return special[key](value);
      if (flagNames.includes(key)) return [`--${key}`, String(value)];
      return ["--set", `${(transforms && keysSinceTransforms[key]) || key}=${value}`];
    });
}

const efficientvit = {
  rectifier: "efficientvit",
  "rectifier.channels": 32,
  "rectifier.layers": 1,
  "rectifier.headDim": 16,
};
const cnn = { rectifier: "cnn", "rectifier.channels": 16, "rectifier.layers": 1 };
const mlp = { rectifier: "mlp", "rectifier.channels": 16, "rectifier.layers": 1, "rectifier.positionHidden": 16 };
const identity = { rectifier: "identity" };

/** @param places folders and files that `record.mjs` has: see there */
export function listRuns({ latents, fewLatents, valLatents, store, shared }) {
  const { train, kodak, weights, fixtures } = {
    train: `${shared}/data/imagenet256/train`,
    kodak: `${shared}/data/kodak`,
    weights: `${shared}/weights`,
    fixtures: `${shared}/fixtures`,
  };
  const photographs = { data: train, val: kodak, "data.limit": 96, epochs: 2 };
  const ofLatents = { latents, "val-latents": valLatents, epochs: 2, batch: 128 };
  const sdVae = { "image-size": 64, recipe: "fit", transform: "none", ...efficientvit, epochs: 2 };
  const paper = { ...ofLatents, recipe: "paper", tokens: 256, codes: 64 };
  const checkpoints = { "train.checkpointSteps": 3 };

  /** Whole runs: train, then encode, decode and eval with what came out. Also `tile`, `exports`; `killed` names the run it must equal. */
  const trained = {
    // Everything at its default but what makes it small: the first command of the README.
    "main-job": {
      settings: { "image-size": 64, epochs: 2, "rectifier.layers": 1 },
      tile: true,
      exports: ["onnx", "pytorch", "tfjs"],
    },
    "sd-vae-none": { settings: { ...sdVae, ...checkpoints }, tile: true },
    "sd-vae-none-killed": { settings: { ...sdVae, ...checkpoints }, killed: "sd-vae-none" },
    "linear-dct": {
      settings: { ...photographs, backbone: "linear", "image-size": 64, transform: "dct", codes: 32, ...mlp },
      tile: true,
      exports: ["onnx"],
    },
    "linear-pca": {
      settings: {
        ...{ ...photographs, backbone: "linear", "backbone.channels": 4, "image-size": 64 },
        ...{ transform: "pca", tokens: 32, codes: 32, ...efficientvit },
      },
      exports: ["onnx", "pytorch"],
    },
    "taesd3-dct-klt-greedy": {
      settings: {
        ...{ ...photographs, backbone: "tae", weights, "backbone.variant": "taesd3", "image-size": 64 },
        ...{ transform: "dct-klt", "quantizer.allocation": "greedy", tokens: 128, codes: 16, ...cnn },
        "quantizer.groups": 16,
      },
      exports: ["onnx"],
    },
    "dc-ae-residual": {
      settings: {
        ...{ ...photographs, backbone: "dc-ae", weights: `${fixtures}/dc-ae-tiny`, "image-size": 64 },
        ...{ quantizer: "residual", codes: 64, ...identity },
      },
      exports: ["onnx"],
    },
    "store-vq": {
      settings: { data: store, weights, quantizer: "vq", codes: 128, epochs: 2, ...mlp, "backbone.embed": true },
    },
    "latents-none": {
      settings: { ...ofLatents, recipe: "fit", transform: "none", tokens: 256, codes: 32, ...cnn },
      exports: ["onnx", "pytorch"],
    },
    "latents-auto": { settings: { ...ofLatents, bits: 2048, ...efficientvit } },
    "latents-greedy": {
      settings: {
        ...{ ...ofLatents, transform: "none", "quantizer.allocation": "greedy", tokens: 256, codes: 16 },
        ...{ "quantizer.groups": "token", ...identity },
      },
    },
    "latents-spread": {
      settings: {
        ...{ ...ofLatents, transform: "none", tokens: 256, codes: 32, "quantizer.split": "spatial", ...identity },
        ...{ "quantizer.groups": 4, "quantizer.init": "kmeans++", "quantizer.samplesPerCode": 256 },
      },
    },
    "latents-paper": { settings: { ...paper, ...efficientvit, ...checkpoints }, exports: ["onnx", "pytorch"] },
    "latents-paper-killed": { settings: { ...paper, ...efficientvit, ...checkpoints }, killed: "latents-paper" },
    "latents-paper-dct-klt": {
      settings: { ...paper, transform: "dct-klt", "quantizer.groups": 8, "train.jointLoss": true, ...mlp },
    },
    "latents-paper-greedy": {
      settings: { ...paper, codes: 16, "quantizer.allocation": "greedy", ...cnn },
    },
    "latents-vq": { settings: { ...ofLatents, quantizer: "vq", codes: 256, ...efficientvit } },
    "latents-residual": { settings: { ...ofLatents, quantizer: "residual", codes: 64, "quantizer.depth": 3, ...cnn } },
    "latents-fsq": { settings: { ...ofLatents, quantizer: "fsq", tokens: 512, codes: 64, ...mlp }, exports: ["onnx"] },
    "latents-lfq": { settings: { ...ofLatents, quantizer: "lfq", ...cnn } },
    "latents-bsq": { settings: { ...ofLatents, quantizer: "bsq", ...identity } },
    "latents-tokenbridge": { settings: { ...ofLatents, quantizer: "tokenbridge", ...mlp } },
  };

  /** What would be trained: `train --dry-run`. */
  const planned = {
    "plan-256": {},
    "plan-512T": { preset: "512T", latents },
    "plan-256T-L": { preset: "256T-L", latents },
    "plan-tiny-linear": { preset: "tiny", backbone: "linear" },
    "plan-bits": { bits: 8192 },
    "plan-bits-pca": { bits: 2048, transform: "pca", backbone: "linear", "image-size": 64 },
  };

  const extracted = { data: train, backbone: "tae", weights, "backbone.variant": "taesd", "image-size": 64 };
  const ablation = {
    ...{ latents: fewLatents, "val-latents": valLatents, quantizer: "multigroup,vq", tokens: 256, codes: 16 },
    ...{ rectifier: "identity", epochs: 1 },
  };
  return { trained, planned, extracted, ablation, checkpoint: `${fixtures}/official_style_ckpt_T256_K32.pth` };
}
