/** The settings of a training run: flags with their defaults. */
import { parseArgs } from "node:util";

export interface Settings {
  readonly out: string;
  readonly data: readonly string[];
  readonly val: string | undefined;
  readonly init: string | undefined;
  readonly lpips: string | undefined;
  readonly channels: readonly number[];
  readonly latentChannels: number;
  readonly steps: number;
  readonly batch: number;
  readonly crop: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly klWeight: number;
  readonly lpipsWeight: number;
  readonly latentNoise: number;
  readonly emaDecay: number;
  readonly seed: number;
  readonly threads: number;
  readonly every: number;
}

const flags = {
  out: ["DIR", undefined, "folder of the run: checkpoints, log.jsonl; an interrupted run in it is resumed"],
  data: ["DIR", undefined, "photographs to train on; repeatable"],
  val: ["DIR", undefined, "photographs to measure on; never trained on"],
  init: ["FILE", undefined, "weights (diffusers safetensors) to start from, instead of the linear autoencoder"],
  lpips: [
    "DIR",
    undefined,
    "squeezenet1_1.safetensors and lpips_v0.1_squeeze_lin.safetensors: adds the perceptual loss",
  ],
  channels: ["LIST", "16,32,64,96", "channels at each resolution, the image's own first"],
  "latent-channels": ["N", "8", "channels of the latent"],
  steps: ["N", "12000", "number of optimizer steps; the learning rate falls to 0 over them"],
  batch: ["N", "8", "crops per step"],
  crop: ["N", "64", "side of a crop in pixels"],
  "learning-rate": ["X", "0.0015", "highest rate of AdamW"],
  warmup: ["N", "200", "steps over which the rate rises to it"],
  "kl-weight": ["X", "1e-6", "weight of the KL divergence from the unit normal, summed over the latent"],
  "lpips-weight": ["X", "1", "weight of LPIPS beside the logarithm of the squared error"],
  "latent-noise": ["X", "0", "extra noise on the latent during training, like that of quantization"],
  "ema-decay": ["X", "0.999", "decay of the average of the weights; the average is what is shipped"],
  seed: ["N", "0", "seed of crops, noise and initial weights"],
  threads: ["N", "2", "threads of ONNX Runtime"],
  every: ["N", "250", "steps between checkpoints; every second checkpoint is measured"],
} as const;

export function usage(): string {
  const lines = Object.entries(flags).map(
    ([name, [value, preset, text]]) => `  --${name} ${value}`.padEnd(26) + text + (preset ? ` (${preset})` : ""),
  );
  return `Trains a small AutoencoderKL on photographs.\n\nnode tools/train-vae/dist/main.js --out DIR --data DIR [--data DIR] [flags]\n\n${lines.join("\n")}\n`;
}

/** Throws an `Error` that says which flag is wrong. */
export function parseSettings(args: readonly string[]): Settings {
  const options = Object.fromEntries(
    Object.keys(flags).map((name) => [name, { type: "string" as const, multiple: name === "data" }]),
  );
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const text = (name: keyof typeof flags): string | undefined => (values[name] as string | undefined) ?? flags[name][1];
  const number = (name: keyof typeof flags): number => {
    const value = Number(text(name));
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number, got "${text(name)}"`);
    return value;
  };
  const out = text("out");
  const data = (values["data"] ?? []) as string[];
  if (!out || data.length === 0) throw new Error("--out and --data are needed");
  const channels = text("channels")!.split(",").map(Number);
  // The linear start needs the shortcut convolutions; blocks that keep their width have none.
  if (channels.some((width, level) => !(width > (channels[level - 1] ?? 0)))) {
    throw new Error(`--channels must be rising numbers such as 16,32,64, got "${text("channels")}"`);
  }
  return {
    out,
    data,
    val: text("val"),
    init: text("init"),
    lpips: text("lpips"),
    channels,
    latentChannels: number("latent-channels"),
    steps: number("steps"),
    batch: number("batch"),
    crop: number("crop"),
    learningRate: number("learning-rate"),
    warmup: number("warmup"),
    klWeight: number("kl-weight"),
    lpipsWeight: number("lpips-weight"),
    latentNoise: number("latent-noise"),
    emaDecay: number("ema-decay"),
    seed: number("seed"),
    threads: number("threads"),
    every: number("every"),
  };
}
