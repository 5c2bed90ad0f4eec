/**
 * What a record may say in other words after a change, and nothing else. `compare.mjs` applies it to the record from before; whatever then
 * differs is a difference. Every list is read top to bottom, every entry that fits is applied.
 *
 * Files are matched by their name within a run (`config.json`, `tfjs/model.safetensors`), JSON by the path of a value (`epochs.0.usage`),
 * tensors by their name. An entry without `file` holds for all.
 */

/** Tensors in safetensors files: `{ file, from, to }`, as in `name.replace(from, to)`. */
export const tensors = [
  // { file: /model\.safetensors$/, from: /^quantizer\.(rotation|places)$/, to: "transform.$1" },
];

/** Values in JSON files: `{ file, from, to }` for the path, and `values: { before: after }` where the value itself has another name. */
export const json = [
  // { file: /^config\.json$/, from: /^quantizer\.options\.transform$/, to: "transform.id" },
  // { file: /^(train|eval)\.json$/, from: /^floor\./, to: "vae." },
  // { file: /^config\.json$/, from: /^training\.recipe$/, to: "training.recipe", values: { fit: "kmeans" } },
];

/** Paths that one record may have alone, and why: `{ file, path, why }`. */
export const added = [
  // { file: /^config\.json$/, path: /^transform\.package$/, why: "the transform is a plugin of its own" },
];
export const removed = [];

/** Values that are not compared, and why. */
export const ignored = [
  { path: /(^|\.)(seconds|milliseconds|ms)(\.|$)/i, why: "times" },
  { path: /PerSecond(\.|$)/, why: "times" },
  { file: /^plan\.json$/, path: /^(reasons|warnings)(\.|$)/, why: "sentences for people" },
];
