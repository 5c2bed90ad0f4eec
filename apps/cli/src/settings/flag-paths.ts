/** Which flag sets which path of the run configuration. */

/** Flag -> path of the configuration. */
export const pathOfFlag: Readonly<Record<string, string>> = {
  backbone: "backbone.id",
  transform: "transform.id",
  quantizer: "quantizer.id",
  rectifier: "rectifier.id",
  weights: "backbone.weights",
  decoder: "backbone.decoder.id",
  "decoder-weights": "backbone.decoder.weights",
  "embed-backbone": "backbone.embed",
  preset: "preset",
  tokens: "quantizer.tokens",
  codes: "quantizer.codes",
  bits: "bits",
  data: "data.train",
  val: "data.val",
  "skip-broken": "data.skipBroken",
  "pixel-limit": "data.pixelLimit",
  latents: "data.latents",
  "val-latents": "data.valLatents",
  memory: "data.memory",
  "image-size": "data.imageSize",
  recipe: "recipe",
  epochs: "train.epochs",
  batch: "train.batch",
  lr: "train.learningRate",
  "picture-steps": "train.pictureSteps",
  "adapt-decoder": "train.adaptDecoder",
  select: "train.select",
  augment: "data.augment",
  seed: "seed",
  lpips: "score.lpips",
  "lpips-net": "score.lpipsNet",
  inception: "score.inception",
  "report-images": "score.reportImages",
  engine: "engine",
  out: "out",
};

const flagOf: ReadonlyMap<string, string> = new Map([
  ...Object.entries(pathOfFlag).map(([flag, path]) => [path, flag] as const),
  ["plugins", "plugin"],
]);

/** Null for a path that only `--set` sets. A path without a dot is an option of one command: `lpipsNet` is `--lpips-net`. */
export function flagOfPath(path: string): string | null {
  return (
    flagOf.get(path) ?? (path.includes(".") ? null : path.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  );
}
