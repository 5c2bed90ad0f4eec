/**
 * What it costs to adapt the decoder of a full-size VAE, in every mode: seconds of a step, peak memory of
 * the process, and what the tokenizer's file grows by. Weights are random: cost does not depend on them.
 *
 * Run after `tsc -b`: node tools/bench/adapt-decoder.mjs sd-vae|dc-ae KEYS.json [mode] [crop] [batch] [engine]
 * KEYS.json: config and keys of the model, such as sd-vae-keys.json of the fixtures. One mode a process: memory is a peak.
 */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dcAe } from "@revq/backbone-dc-ae";
import { sdVae } from "@revq/backbone-sd-vae";
import { createRandom, parseOptions } from "@revq/core";
import { createEngine } from "@revq/engine";
import { float32ToFloat16, fromBuffer, writeSafetensors } from "@revq/formats";
import { adaptationCost, createAdamW, createDecoderAdapter, planAdapter } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";

const [family, path, mode = "lora", crop = "8", batch = "1", engineId = "onnx"] = process.argv.slice(2);
const plugin = { "sd-vae": sdVae, "dc-ae": dcAe }[family];
const { config, keys } = JSON.parse(readFileSync(path, "utf8"));

const numbers = (shape) => shape.reduce((product, size) => product * size, 1);
/** float16, which halves the memory that the file takes. */
function randomFile() {
  const tensors = Object.entries(keys).map(([name, shape], index) => {
    const data = new Uint16Array(numbers(shape));
    const random = createRandom(index);
    const scale = shape.length > 1 ? Math.sqrt(1 / numbers(shape.slice(1))) : 0.05;
    const values = float32ToFloat16(
      Float32Array.from({ length: Math.min(data.length, 4096) }, () => scale * random.normal()),
    );
    for (let i = 0; i < data.length; i++) data[i] = values[i % values.length];
    return { name, shape, data, dtype: "F16" };
  });
  return writeSafetensors(tensors);
}

const files = {
  "config.json": () => new TextEncoder().encode(JSON.stringify(config)),
  "diffusion_pytorch_model.safetensors": randomFile,
};
const weights = {
  spec: "random",
  list: async () => Object.keys(files),
  open: async (name) => fromBuffer(name, files[name]()),
};

const engine = await createEngine({ engine: engineId });
const backbone = await plugin.create(parseOptions(plugin, {}), { imageSize: 256, weights });
const { gradients, spec } = backbone;
const plan = planAdapter(mode, gradients, backbone.state());
const adapter = createDecoderAdapter(plan, backbone.state(), createRandom(1));
const { variables } = adapter;
const optimizer = createAdamW([{ name: "decoder", variables, learningRate: 1e-4, weightDecay: 0 }]);
const side = Number(crop);
const latents = tf.randomNormal([Number(batch), side, side, spec.latentChannels], 0, 1, "float32", 1);
const pixels = side * spec.downsample;
const target = tf.zeros([Number(batch), pixels, pixels, 3]);

async function step() {
  const begun = performance.now();
  const loss = tf.tidy(() => {
    const { value, grads } = tf.variableGrads(
      () => tf.losses.meanSquaredError(target, gradients.decode(latents, adapter.weights()).images),
      [...variables],
    );
    optimizer.apply(grads);
    return value;
  });
  await loss.data();
  loss.dispose();
  return (performance.now() - begun) / 1000;
}

const loaded = process.resourceUsage().maxRSS * 1024;
await step(); // compiles
const used = process.cpuUsage();
const seconds = await step();
const { user, system } = process.cpuUsage(used);
const cost = adaptationCost(plan, gradients, backbone);
const mega = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
console.log(
  `${spec.name}, ${mode}, ${batch} crops of ${pixels} pixels, engine ${engineId}, load ${loadavg()[0].toFixed(1)}`,
);
console.log(
  `trained ${(cost.parameters / 1e6).toFixed(2)} of ${(cost.ofParameters / 1e6).toFixed(2)} million parameters`,
);
console.log(`a step ${seconds.toFixed(1)} s, of processors ${((user + system) / 1e6).toFixed(1)} s`);
console.log(
  `process ${mega(loaded)} loaded, ${mega(process.resourceUsage().maxRSS * 1024)} at the peak; the file grows by ${mega(cost.fileBytes)}`,
);
adapter.dispose();
backbone.dispose();
engine.dispose();
