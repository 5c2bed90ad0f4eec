/**
 * Makes apps/viewer/few-bits: the page's second tokenizer, 256 tokens of 256 codes. It is trained on the bundled photo
 * crops in minutes; rectifier and codebooks are rounded to half precision. Its VAE is that of the first one,
 * which the page serves in `vae/`. Needs a build.
 *
 * Run: node tools/viewer/few-bits.mjs [TRAINED]
 */
import { float32ToFloat16, openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const target = join(root, "apps/viewer/few-bits");
const options = "--tokens 256 --codes 256 --epochs 3 --picture-steps 60 --adapt-decoder none --seed 0";
const temporary = process.argv[2] ? null : await mkdtemp(join(tmpdir(), "revq-few-bits-"));
const trained = process.argv[2] ?? join(temporary, "trained");
if (temporary) {
  const binary = join(root, "apps/cli/bin/revq.js");
  execFileSync(process.execPath, [binary, "train", ...options.split(" "), "-o", trained], { stdio: "inherit" });
}

const model = await openSafetensors(await fromFile(join(trained, "model.safetensors")));
const tensors = [];
for (const [name, { dtype }] of model.tensors) {
  if (name.startsWith("backbone.")) continue;
  const { shape, data } = await model.read(name);
  const halved = /^(rectifier\.|quantizer\.codebooks)/.test(name) && dtype === "F32";
  tensors.push({ name, shape, data: halved ? float32ToFloat16(data) : data, dtype: halved ? "F16" : dtype });
}
const config = JSON.parse(await readFile(join(trained, "config.json"), "utf8"));
config.backbone.weights = "../vae";
config.backbone.embedded = false;
await mkdir(target, { recursive: true });
await writeFile(join(target, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
await writeFile(join(target, "model.safetensors"), writeSafetensors(tensors, { format: "revq" }));
if (temporary) await rm(temporary, { recursive: true });
