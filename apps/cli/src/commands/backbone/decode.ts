import { Args, Flags } from "@oclif/core";
import { backboneFlags, requiredBackbone } from "../../backbone/flags.js";
import { BaseCommand } from "../../base-command.js";
import { engineFlag } from "../../settings/engine-flag.js";

interface DecodeReport {
  readonly output: string;
  readonly shape: readonly number[];
  readonly seconds: number;
}

export default class BackboneDecode extends BaseCommand {
  static override summary = "Run a VAE's decoder on an array of latents, to compare it with Python.";
  static override description =
    "Latents are float32 [n, c, h, w], without scale and shift, as PyTorch writes them. Images are float32 [n, 3, H, W], about [-1, 1], not clamped.";
  static override examples = [
    "<%= config.bin %> backbone decode --backbone dc-ae --weights dc-ae-f32c32 latents.npy -o images.npy",
  ];
  static override args = { latents: Args.string({ description: "latents .npy", required: true }) };
  static override flags = {
    ...backboneFlags,
    out: Flags.string({ char: "o", description: "images .npy", required: true, helpValue: "<file>" }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 4 }),
    "image-size": Flags.integer({
      description: "image size, for a model that was exported for one size",
      min: 1,
      default: 256,
    }),
    engine: engineFlag,
  };

  async run(): Promise<DecodeReport> {
    const { args, flags } = await this.parse(BackboneDecode);
    const { mapPlanes, readPlanes, writePlanes } = await import("../../backbone/npy-planes.js");
    const { openBackbone } = await import("../../backbone/open-backbone.js");
    const latents = await readPlanes(args.latents, "latents [n, c, h, w]");
    const services = await this.services(flags.plugin);
    await this.startEngine(services, flags.engine, flags.verbose);
    const { instance } = await openBackbone(services, {
      ...requiredBackbone(flags),
      imageSize: flags["image-size"],
      note: this.note,
    });
    const started = performance.now();
    const images = await mapPlanes(
      latents,
      flags.batch,
      (part) => instance.decode(part),
      (done) => this.display.update({ phase: "decode", done, total: latents.shape[0] }),
    );
    const seconds = (performance.now() - started) / 1000;
    await writePlanes(flags.out, images);
    instance.dispose();
    this.display.finish();
    this.log(`${flags.out}: images [${images.shape}], ${seconds.toFixed(1)} s`);
    return { output: flags.out, shape: images.shape, seconds };
  }
}
