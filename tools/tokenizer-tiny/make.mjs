/**
 * Makes packages/tokenizer-tiny out of a trained tokenizer: its rectifier and its adapted decoder are rounded to half precision,
 * which halves what a browser loads. The model card of the package says how the tokenizer was trained.
 *
 * Run: node tools/tokenizer-tiny/make.mjs TRAINED
 */
import { fingerprint } from "@revq/core";
import { float16ToFloat32, float32ToFloat16, openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [trained] = process.argv.slice(2);
if (!trained) throw new Error("Usage: node tools/tokenizer-tiny/make.mjs TRAINED");
const target = join(import.meta.dirname, "..", "..", "packages", "tokenizer-tiny", "tokenizer");

const model = await openSafetensors(await fromFile(join(trained, "model.safetensors")));
const tensors = [];
const decoder = {};
for (const [name, { dtype }] of model.tensors) {
  const { shape, data } = await model.read(name);
  const [part, ...rest] = name.split(".");
  if ((part !== "decoder" && part !== "rectifier") || dtype !== "F32") {
    tensors.push({ name, shape, data, dtype });
    continue;
  }
  const half = float32ToFloat16(data);
  tensors.push({ name, shape, data: half, dtype: "F16" });
  if (part === "decoder") decoder[rest.join(".")] = { shape, data: float16ToFloat32(half) };
}
const config = JSON.parse(await readFile(join(trained, "config.json"), "utf8"));
if (config.decoder) config.decoder.fingerprint = await fingerprint(decoder);
await writeFile(join(target, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
await writeFile(join(target, "model.safetensors"), writeSafetensors(tensors, { format: "revq" }));
