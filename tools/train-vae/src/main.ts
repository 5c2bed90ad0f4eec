/**
 * Trains the small AutoencoderKL that @revq/weights-tiny-sd-vae ships, on the onnx engine; a CPU is
 * enough. The run is seeded and saves checkpoints: the same command resumes it exactly. See
 * README.md.
 */
import "@tensorflow/tfjs-layers"; // its gradients are registered by importing it
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expectedTensors, parseConfig } from "@revq/backbone-sd-vae";
import { createNetwork, toEngineLayout, toTorchLayout } from "@revq/backbone-sd-vae/network";
import { createRandom, requireTensor, underPrefix, withPrefix, type NamedTensors } from "@revq/core";
import { registerOnnxBackend } from "@revq/tfjs-backend-onnx";
import { clipByGlobalNorm, createAdamW } from "@revq/train";
import { writeFileAtomic } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { loadTensors, saveTensors } from "./checkpoint.js";
import { initialWeights } from "./initial-weights.js";
import { createLoss } from "./loss.js";
import { CropSampler, loadPhotographs } from "./photographs.js";
import { scorePhotographs } from "./score.js";
import { parseSettings, usage, type Settings } from "./settings.js";

/** The largest norm of all gradients together. */
const clipNorm = 1;
const layout = "NCHW"; // the onnx engine's own order

function configOf({ channels, latentChannels }: Settings): Record<string, unknown> {
  return {
    _class_name: "AutoencoderKL",
    in_channels: 3,
    out_channels: 3,
    down_block_types: channels.map(() => "DownEncoderBlock2D"),
    up_block_types: channels.map(() => "UpDecoderBlock2D"),
    block_out_channels: channels,
    layers_per_block: 1,
    act_fn: "silu",
    latent_channels: latentChannels,
    norm_num_groups: 1,
    sample_size: 256,
    scaling_factor: 1,
    use_quant_conv: false,
    use_post_quant_conv: false,
    mid_block_add_attention: false,
  };
}

/** A linear rise, then half a cosine to zero. */
function learningRateAt(step: number, { learningRate, warmup, steps }: Settings): number {
  const progress = Math.min(1, Math.max(0, (step - warmup) / Math.max(1, steps - warmup)));
  return learningRate * Math.min(1, (step + 1) / warmup) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

async function train(settings: Settings): Promise<void> {
  registerOnnxBackend({ threads: settings.threads, maxQueuedNodes: 100_000, maxQueuedBytes: 2 ** 34 });
  await tf.setBackend("onnx");
  await mkdir(settings.out, { recursive: true });
  const log = async (record: object): Promise<void> => {
    console.log(JSON.stringify(record));
    await appendFile(join(settings.out, "log.jsonl"), JSON.stringify(record) + "\n");
  };
  const config = parseConfig(configOf(settings), "the configuration");
  await writeFileAtomic(join(settings.out, "config.json"), JSON.stringify(configOf(settings), undefined, 2) + "\n");
  const sampler = new CropSampler(await loadPhotographs(settings.data, settings.crop), settings.crop);
  const heldOut = settings.val ? (await loadPhotographs([settings.val], 256)).slice(0, 20) : [];
  const random = createRandom(settings.seed);

  // Weights of the last checkpoint, of a file, or of the linear autoencoder.
  const checkpointPath = join(settings.out, "checkpoint.safetensors");
  const checkpoint = await loadTensors(checkpointPath);
  let start: Record<string, tf.Tensor>;
  if (checkpoint) start = underPrefix("weights", checkpoint.tensors) as Record<string, tf.Tensor>;
  else if (settings.init) {
    const given = (await loadTensors(settings.init))?.tensors;
    if (!given) throw new Error(`there is no ${settings.init}`);
    start = Object.fromEntries(Object.entries(given).map(([name, tensor]) => [name, toEngineLayout(tensor)]));
  } else {
    const crops = sampler.draw(400, random.fork("initial crops"), false);
    const images = tf.tensor4d(crops, [400, settings.crop, settings.crop, 3]);
    start = await initialWeights(config, images, random.fork("initial weights"));
    images.dispose();
  }
  // In the order of the architecture, not of the file: the names in the optimizer's state depend on
  // it.
  const names = [...expectedTensors(config).keys()];
  const variables = Object.fromEntries(
    names.map((name) => [name, tf.variable(requireTensor(start, name), true, name)]),
  );
  const saved = checkpoint ? (underPrefix("average", checkpoint.tensors) as Record<string, tf.Tensor>) : start;
  const average = Object.fromEntries(Object.entries(saved).map(([name, value]) => [name, tf.variable(value, false)]));
  const list = Object.values(variables);
  const optimizer = createAdamW(
    [{ name: "all", variables: list, learningRate: settings.learningRate, weightDecay: 0 }],
    {
      beta2: 0.99,
    },
  );
  if (checkpoint) optimizer.restore(underPrefix("optimizer", checkpoint.tensors));
  tf.dispose(checkpoint ? checkpoint.tensors : start);

  const network = createNetwork(config, variables, { layout });
  const loss = await createLoss(network, settings);

  async function save(): Promise<void> {
    await saveTensors(checkpointPath, {
      ...withPrefix("weights", variables as NamedTensors),
      ...withPrefix("average", average as NamedTensors),
      ...withPrefix("optimizer", optimizer.state()),
    });
    const shipped = Object.fromEntries(Object.entries(average).map(([name, value]) => [name, toTorchLayout(value)]));
    await saveTensors(join(settings.out, "diffusion_pytorch_model.safetensors"), shipped, { format: "pt" }, "F16");
    tf.dispose(shipped);
  }

  async function score(step: number): Promise<void> {
    if (heldOut.length === 0) return;
    await log({
      step,
      val: await scorePhotographs(createNetwork(config, average, { layout, frozen: true }), heldOut, config),
    });
  }

  let lastLog = performance.now();
  let sums = { loss: 0, psnr: 0, lpips: 0, norm: 0, deviation: 0, count: 0 };
  await score(optimizer.step);
  while (optimizer.step < settings.steps) {
    const step = optimizer.step;
    const draw = random.fork(`step ${step}`); // nothing to restore: crops and noise depend on the step's number only
    const shape = [settings.batch, 3, settings.crop, settings.crop] as [number, number, number, number];
    const images = tf.tensor4d(sampler.draw(settings.batch, draw, true), shape);
    const noise = loss.noise(draw, shape);
    let report: tf.Tensor | undefined;
    const { value, grads } = tf.variableGrads(() => {
      const { total, report: parts } = loss.of(images, noise);
      report = tf.keep(parts);
      return total;
    }, list);
    const { norm, gradients } = clipByGlobalNorm(grads, clipNorm);
    tf.dispose(grads);
    optimizer.setLearningRate("all", learningRateAt(step, settings));
    optimizer.apply(gradients);
    tf.tidy(() => {
      const keep = tf.scalar(Math.min(settings.emaDecay, (1 + step) / (10 + step)));
      for (const [name, variable] of Object.entries(variables)) {
        average[name]!.assign(tf.add(variable, tf.mul(tf.sub(average[name]!, variable), keep)));
      }
    });
    tf.dispose([...Object.values(gradients), images, noise]);
    const [total] = await value.data();
    const parts = await report!.data();
    const [gradientNorm] = await norm.data();
    tf.dispose([value, norm, report!]);
    if (!Number.isFinite(total)) throw new Error(`the loss is ${total} at step ${step}`);
    sums.loss += total!;
    sums.psnr += parts[0]!;
    sums.lpips += parts[1]!;
    sums.deviation += parts[2]!;
    sums.norm += gradientNorm!;
    sums.count++;
    const done = step + 1;
    if (done % 50 === 0 || done === settings.steps) {
      const now = performance.now();
      const round = (x: number): number => Math.round((x / sums.count) * 1e4) / 1e4;
      await log({
        step: done,
        loss: round(sums.loss),
        psnr: round(sums.psnr),
        lpips: round(sums.lpips),
        norm: round(sums.norm),
        latentDeviation: round(sums.deviation),
        rate: Number(learningRateAt(step, settings).toPrecision(3)),
        msPerStep: Math.round((now - lastLog) / sums.count),
      });
      lastLog = now;
      sums = { loss: 0, psnr: 0, lpips: 0, norm: 0, deviation: 0, count: 0 };
    }
    if (done % settings.every === 0 || done === settings.steps) await save();
    if (done % (2 * settings.every) === 0 || done === settings.steps) await score(done);
  }
}

if (process.argv.includes("--help")) console.log(usage());
else {
  let settings: Settings;
  try {
    settings = parseSettings(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage()}`);
    process.exit(2);
  }
  await train(settings);
}
