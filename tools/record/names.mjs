/**
 * What a record may say in other words after a change, and nothing else. `compare.mjs` applies it to the record from before; whatever then
 * differs is a difference. Every list is read top to bottom, every entry that fits is applied.
 *
 * Files are matched by their name within a run (`config.json`, `tfjs/model.safetensors`), JSON by the path of a value (`epochs.0.usage`),
 * tensors by their name. An entry without `file` holds for all.
 */

/** Tensors in safetensors files: `{ file, from, to }`, as in `name.replace(from, to)`. */
export const tensors = [
  { from: /^quantizer\.rotation$/, to: "transform.rotation" },
  { from: /^quantizer\.places$/, to: "quantizer.permutation" },
];

/** Values in JSON files: `{ file, from, to }` for the path, and `values: { before: after }` where the value itself has another name. */
export const json = [
  { file: /(^|\/)config\.json$/, from: /^formatVersion$/, to: "formatVersion", values: { 2: 4, 3: 4 } },
  {
    file: /(^|\/)config\.json$/,
    from: /^standardize$/,
    to: "metric",
    values: { true: "standardized", false: "centred" },
  },
  {
    file: /^plan\.json$/,
    from: /^config\.transform\.standardize$/,
    to: "config.transform.metric",
    values: { true: "auto", false: "centred" },
  },
  { file: /(^|\/)config\.json$/, from: /^quantizer\.options\.transform$/, to: "transform.id" },
  {
    file: /(^|\/)config\.json$/,
    from: /^quantizer\.options\.split$/,
    to: "quantizer.options.split",
    values: { balanced: "eigenvalue" },
  },
  { file: /(^|\/)config\.json$/, from: /^training\.recipe$/, to: "training.recipe", values: { fit: "kmeans" } },
  { from: /^floor(\.|$)/, to: "vae$1" },
  { file: /^ablate\.json$/, from: /^(trials\.\d+\.)(psnr|ssim|lpips)Floor$/, to: "$1$2Vae" },
  { file: /^ablate\.json$/, from: /^(trials\.\d+\.recipe)$/, to: "$1", values: { fit: "kmeans" } },
  { file: /^plan\.json$/, from: /^config\.recipe$/, to: "config.recipe", values: { fit: "kmeans" } },
  { file: /^plan\.json$/, from: /^config\.quantizer\.transform$/, to: "config.transform.id" },
  {
    file: /^plan\.json$/,
    from: /^config\.quantizer\.split$/,
    to: "config.quantizer.split",
    values: { balanced: "eigenvalue" },
  },
];

/** Paths that one record may have alone, and why: `{ file, path, why }`. */
export const added = [
  {
    file: /(^|\/)config\.json$/,
    path: /^(metric|transform\.(package|id|options))$/,
    why: "the transform is a stage of its own",
  },
  {
    file: /^plan\.json$/,
    path: /^(transform|parameters\.transform|config\.transform\.(id|metric))$/,
    why: "the transform is a stage of its own",
  },
  { file: /^ablate\.json$/, path: /^trials\.\d+\.transform$/, why: "the transform is a stage of its own" },
  { file: /(^|\/)config\.json$/, path: /^quantizer\.options\.(split|tokens)$/, why: "open options are filled in" },
];
export const removed = [];

/** Values that are not compared, and why. */
export const ignored = [
  { path: /(^|\.)(seconds|milliseconds|ms)(\.|$)/i, why: "times" },
  { path: /PerSecond(\.|$)/, why: "times" },
  {
    file: /^plan\.json$/,
    path: /^parameters\.codebooks$/,
    why: "parameters of the transform are counted apart, in parameters.transform",
  },
  { file: /^plan\.json$/, path: /^(reasons|warnings)(\.|$)/, why: "sentences for people" },
];
