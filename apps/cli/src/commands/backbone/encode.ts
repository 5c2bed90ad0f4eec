import { Args, Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { backboneFlags, requiredBackbone } from "../../backbone/flags.js";
import { BaseCommand } from "../../base-command.js";
import { engineFlag } from "../../settings/engine-flag.js";

interface EncodeReport {
  readonly output: string;
  readonly shape: readonly number[];
  readonly seconds: number;
}

export default class BackboneEncode extends BaseCommand {
  static override summary = "Run a VAE's encoder on an array of images, to compare it with Python.";
  static override description =
    "Images are float32 [n, 3, H, W] in [-1, 1], as PyTorch writes them. Latents are float32 [n, c, h, w], without scale and shift: the mean of the posterior, if the VAE has one.";
  static override examples = [
    "<%= config.bin %> backbone encode --backbone sd-vae --weights stable-diffusion-vae images.npy -o latents.npy",
    {
      description: "Compare in one line of Python:",
      command: "python -c \"import numpy as np; print(abs(np.load('latents.npy') - np.load('diffusers.npy')).max())\"",
    },
  ];
  static override args = { images: Args.string({ description: "images .npy", required: true }) };
  static override flags = {
    ...backboneFlags,
    out: Flags.string({ char: "o", description: "latents .npy", required: true, helpValue: "<file>" }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 4 }),
    engine: engineFlag,
  };

  async run(): Promise<EncodeReport> {
    const { args, flags } = await this.parse(BackboneEncode);
    const { mapPlanes, readPlanes, writePlanes } = await import("../../backbone/npy-planes.js");
    const { openBackbone } = await import("../../backbone/open-backbone.js");
    const images = await readPlanes(args.images, "images [n, 3, H, W]");
    const [n, channels, height] = images.shape;
    if (channels !== 3) {
      throw new RevqError(
        "npy-planes-shape",
        `${args.images} has shape [${images.shape}], expected images [n, 3, H, W].`,
        {
          fix:
            channels === 1 || images.shape[3] === 3
              ? "The second axis holds the channels, and there are three."
              : "Are these latents?",
        },
      );
    }
    const largest = images.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest > 1.01) this.note(`Values reach ${largest.toPrecision(4)}; images are expected in [-1, 1].`);
    const services = await this.services(flags.plugin);
    await this.startEngine(services, flags.engine, flags.verbose);
    const { instance } = await openBackbone(services, {
      ...requiredBackbone(flags),
      imageSize: height,
      note: this.note,
    });
    const started = performance.now();
    const latents = await mapPlanes(
      images,
      flags.batch,
      (part) => instance.encode(part),
      (done) => this.display.update({ phase: "encode", done, total: n }),
    );
    const seconds = (performance.now() - started) / 1000;
    await writePlanes(flags.out, latents);
    instance.dispose();
    this.display.finish();
    this.log(`${flags.out}: latents [${latents.shape}], ${seconds.toFixed(1)} s`);
    return { output: flags.out, shape: latents.shape, seconds };
  }
}
