import { Args, Flags } from "@oclif/core";
import { latentShapeOf, latentShapeToArray } from "@revq/core";
import { backboneFlags, namedParts } from "../../backbone/flags.js";
import type { InspectReport } from "../../backbone/inspect-table.js";
import { BaseCommand } from "../../base-command.js";
import { imageFlags, imageOptions, repeated, whatImagesAre } from "../../images/image-flags.js";
import { engineFlag } from "../../settings/engine-flag.js";
import { counted } from "../../output/counted.js";

export default class BackboneInspect extends BaseCommand {
  static override summary = "Describe a VAE; with --data, score it and time it.";
  static override description =
    "The plugin is found from the files, unless --backbone names it. With --data it prints PSNR and SSIM of the VAE alone, and images per second. No tokenizer on this VAE is better. With --decoder, the decoder of another VAE of the same latent space makes the images.";
  static override examples = [
    "<%= config.bin %> backbone inspect hf:madebyollin/taesd",
    "<%= config.bin %> backbone inspect my-vae/ --data photos --limit 20",
    "<%= config.bin %> backbone inspect weights/ --backbone tae --set backbone.variant=taesd3 --data photos --json",
    {
      description: "TAESD's encoder with the decoder of Stable Diffusion's VAE:",
      command:
        "<%= config.bin %> backbone inspect hf:madebyollin/taesd --decoder sd-vae --decoder-weights hf:stabilityai/sd-vae-ft-mse --data photos",
    },
  ];
  static override args = {
    weights: Args.string({ description: "folder, file, URL or hf:owner/name", required: true }),
  };
  static override flags = {
    backbone: backboneFlags.backbone,
    decoder: backboneFlags.decoder,
    "decoder-weights": backboneFlags["decoder-weights"],
    set: backboneFlags.set,
    "image-size": Flags.integer({ description: "side of the images", min: 1, default: 256 }),
    data: Flags.string({ description: `images to score it on: ${whatImagesAre}`, helpValue: "<dir>", ...repeated }),
    ...imageFlags,
    limit: Flags.integer({ description: "only the first N images, by name", min: 1, dependsOn: ["data"] }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 4 }),
    engine: engineFlag,
  };

  async run(): Promise<InspectReport> {
    const { args, flags } = await this.parse(BackboneInspect);
    const { detectBackbone } = await import("../../backbone/detect.js");
    const { openBackbone } = await import("../../backbone/open-backbone.js");
    const services = await this.services(flags.plugin);
    const { id, because } =
      flags.backbone === undefined
        ? await detectBackbone(await services.openWeights(args.weights))
        : { id: flags.backbone, because: "--backbone" };
    await this.startEngine(services, flags.engine, flags.verbose);
    const imageSize = flags["image-size"];
    const { instance } = await openBackbone(services, {
      ...namedParts(id, { ...flags, weights: args.weights }),
      imageSize,
      note: this.note,
    });
    const { spec } = instance;
    const tensors = Object.values(instance.state());
    const parameters = tensors.filter(({ dtype }) => dtype === "float32").reduce((sum, { size }) => sum + size, 0);
    let vae: InspectReport["vae"] = null;
    let closing: string | null = null;
    if (flags.data !== undefined) {
      const { openImages } = await import("@revq/data");
      const { measureVae } = await import("../../backbone/measure-vae.js");
      const { countImages, countsText, noteEnlarged, noteImages, noteSkipped } = await import("@revq/train");
      const images = await openImages(flags.data, {
        size: imageSize,
        ...imageOptions(flags),
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      });
      noteImages(images, this.note);
      const known = images.skipped.length;
      const report = this.display.update.bind(this.display);
      const measured = await measureVae(instance, images, { batch: flags.batch, signal: this.signal, report });
      const counts = countImages(images);
      vae = { ...measured, ...counts };
      closing = `${counted(counts.images, "image")}; ${countsText(counts)}`;
      noteSkipped(images.skipped.slice(known), this.note);
      noteEnlarged([images], this.note);
    }
    const report: InspectReport = {
      backbone: id,
      because,
      name: spec.name,
      imageSize,
      latentShape: latentShapeToArray(latentShapeOf(spec, imageSize)),
      downsample: spec.downsample,
      decodes: spec.decodes,
      parameters: parameters === 0 ? null : parameters,
      weightBytes: tensors.reduce((sum, { size }) => sum + 4 * size, 0),
      peakResidentBytes: process.resourceUsage().maxRSS * 1024,
      vae,
    };
    instance.dispose();
    this.display.finish();
    const { inspectTable } = await import("../../backbone/inspect-table.js");
    this.log(`\n${inspectTable(report)}`);
    if (closing !== null) this.log(closing);
    return report;
  }
}
