import { Args, Flags } from "@oclif/core";
import { latentShapeOf, latentShapeToArray } from "@revq/core";
import { openImages } from "@revq/data";
import Table from "cli-table3";
import { detectBackbone } from "../../backbone/detect.js";
import { measureFloor, type Floor } from "../../backbone/measure-floor.js";
import { backboneFlags, openBackbone } from "../../backbone/open-backbone.js";
import { BaseCommand, engineFlag } from "../../base-command.js";

interface InspectReport {
  readonly backbone: string;
  readonly because: string;
  readonly name: string;
  readonly imageSize: number;
  /** `[c, h, w]` */
  readonly latentShape: readonly number[];
  readonly downsample: number;
  readonly decodes: boolean;
  /** Null where the weights are not tensors that revq sees (onnx). */
  readonly parameters: number | null;
  /** Of the weights as they are kept in memory. */
  readonly weightBytes: number;
  /** The process at its largest so far. */
  readonly peakResidentBytes: number;
  readonly floor: Floor | null;
}

export default class BackboneInspect extends BaseCommand {
  static override summary = "Say what a VAE is, and with --data how good and how fast.";
  static override description =
    "The kind is found by the files; --backbone says it instead. With --data: PSNR and SSIM of encode and decode alone, which no tokenizer on top of it can beat, and images per second.";
  static override examples = [
    "<%= config.bin %> backbone inspect hf:madebyollin/taesd",
    "<%= config.bin %> backbone inspect my-vae/ --data photos --limit 20",
    "<%= config.bin %> backbone inspect weights/ --backbone tae --set backbone.variant=taesd3 --data photos --json",
  ];
  static override args = {
    weights: Args.string({ description: "folder, file, URL or hf:owner/name", required: true }),
  };
  static override flags = {
    backbone: backboneFlags.backbone,
    set: backboneFlags.set,
    dtype: backboneFlags.dtype,
    "image-size": Flags.integer({ description: "side of the images", min: 1, default: 256 }),
    data: Flags.string({ description: "folder of images to score it on", helpValue: "<dir>" }),
    limit: Flags.integer({ description: "only the first N images, by name", min: 1, dependsOn: ["data"] }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 4 }),
    engine: engineFlag,
  };

  async run(): Promise<InspectReport> {
    const { args, flags } = await this.parse(BackboneInspect);
    const services = await this.services(flags["plugin"] as string[] | undefined);
    const { id, because } =
      flags.backbone === undefined
        ? await detectBackbone(await services.openWeights(args.weights))
        : { id: flags.backbone, because: "--backbone" };
    await this.startEngine(services, flags.engine ?? "auto", false);
    const imageSize = flags["image-size"];
    const { instance } = await openBackbone(services, { id, weights: args.weights, set: flags.set, imageSize });
    const { spec } = instance;
    const tensors = Object.values(instance.state());
    const numbers = tensors.filter(({ dtype }) => dtype === "float32").reduce((sum, { size }) => sum + size, 0);
    let floor: Floor | null = null;
    if (flags.data !== undefined) {
      const images = await openImages(flags.data, {
        size: imageSize,
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      });
      const report = this.display.update.bind(this.display);
      floor = await measureFloor(instance, images, { batch: flags.batch, signal: this.signal, report });
    }
    const report: InspectReport = {
      backbone: id,
      because,
      name: spec.name,
      imageSize,
      latentShape: latentShapeToArray(latentShapeOf(spec, imageSize)),
      downsample: spec.downsample,
      decodes: spec.decodes,
      parameters: numbers === 0 ? null : numbers,
      weightBytes: tensors.reduce((sum, { size }) => sum + 4 * size, 0),
      peakResidentBytes: process.resourceUsage().maxRSS * 1024,
      floor,
    };
    instance.dispose();
    this.display.finish();
    this.log(`\n${asTable(report)}`);
    return report;
  }
}

function asTable(report: InspectReport): string {
  const { floor, parameters } = report;
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const table = new Table({ style: { head: [], border: [] } });
  table.push(
    ["backbone", `${report.backbone} (${report.because})`],
    ["model", report.name],
    ["latent", `${report.latentShape.join(" x ")} (c, h, w) of an image of ${report.imageSize} x ${report.imageSize}`],
    ["decodes", report.decodes ? "yes" : "no: an encoder only"],
    ["parameters", parameters === null ? "–" : parameters.toLocaleString("en")],
    ["memory", `${mebibytes(report.weightBytes)} weights, ${mebibytes(report.peakResidentBytes)} the process at most`],
  );
  if (floor) {
    const { encode, decode } = floor.imagesPerSecond;
    table.push(
      [
        "VAE floor",
        floor.psnr === null
          ? "– (it cannot decode)"
          : `PSNR ${floor.psnr.toFixed(2)} dB, SSIM ${floor.ssim!.toFixed(3)} over ${floor.images} images`,
      ],
      ["images per second", `encode ${encode.toFixed(2)}${decode === null ? "" : `, decode ${decode.toFixed(2)}`}`],
    );
  }
  return table.toString();
}
