import { Flags } from "@oclif/core";
import { createRandom } from "@revq/core";
import type { ImageCounts, Part } from "@revq/train";
import { resolveConfig } from "@revq/train/config";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BaseCommand } from "../base-command.js";
import { imageFlags, repeated, whatImagesAre } from "../images/image-flags.js";
import { partOfProcess, shardFlag } from "../parts/part-of-process.js";
import { configFlags } from "../settings/config-flags.js";
import { namedPlugins, userLayers } from "../settings/layers.js";
import { withEmbeddedWeights } from "../weights/embedded-weights.js";
import { counted } from "../output/counted.js";

/** `images` does not count those that this part could not read. */
interface ExtractResult extends ImageCounts {
  readonly store: string;
  /** `[c, h, w]` */
  readonly latentShape: readonly number[];
  readonly shards: number;
  /** Shards of this part that were made now, and those that existed before. */
  readonly made: number;
  readonly kept: number;
  readonly part: Part | null;
  /** Null until all parts are there and joined. */
  readonly latents: number | null;
}

/** True for a folder with files that no part of an extraction writes. */
async function holdsOther(folder: string): Promise<boolean> {
  const names: readonly string[] = await readdir(folder).catch(() => []);
  if (names.includes("plan.json")) return false;
  return names.some((name) => !/^(images\.tsv|backbone\.safetensors|\..*\.tmp)$/.test(name));
}

export default class Extract extends BaseCommand {
  static override summary = "Encode images once, into a store of latents for training.";
  static override description = `The store is a folder of shards (safetensors, [n,c,h,w]), each with a record. If the command was stopped or killed, the same command continues: finished shards are kept.

Several processes share the work with --shard i/n, or with the variables of their scheduler (Slurm job arrays, Kubernetes Indexed Jobs, AWS Batch arrays, RANK and WORLD_SIZE). \`revq merge\` joins their parts.`;
  static override examples = [
    {
      description: "ImageNet's training set, latents in half precision:",
      command:
        "<%= config.bin %> extract --backbone dc-ae --weights dc-ae/ --data imagenet/train -o store --dtype float16",
    },
    {
      description: "WebDataset shards:",
      command: "<%= config.bin %> extract --data 'imagenet/train-{0000..0146}.tar' -o store",
    },
    { description: "Part 3 of 16:", command: "<%= config.bin %> extract --data photos -o store --shard 3/16" },
    { description: "Afterwards, on one machine:", command: "<%= config.bin %> merge store" },
    {
      description: "Train on the store:",
      command: "<%= config.bin %> train --data store --preset 512T -o my-tokenizer",
    },
  ];
  static override flags = {
    backbone: configFlags.backbone,
    weights: configFlags.weights,
    decoder: configFlags.decoder,
    "decoder-weights": configFlags["decoder-weights"],
    data: Flags.string({
      description: `images: ${whatImagesAre}; or synthetic:dead-leaves`,
      required: true,
      helpValue: "<dir>",
      ...repeated,
    }),
    ...imageFlags,
    limit: Flags.integer({ description: "only the first N images, by name", min: 1 }),
    "image-size": configFlags["image-size"],
    out: Flags.string({ char: "o", description: "folder of the store", required: true, helpValue: "<dir>" }),
    dtype: Flags.string({
      description: "precision of the stored latents",
      options: ["float32", "float16"],
      default: "float32",
    }),
    "images-per-shard": Flags.integer({
      description: "images in a shard (default: at most 1000 shards, of 32 images or more)",
      min: 1,
    }),
    shard: shardFlag,
    batch: Flags.integer({ description: "images at a time", min: 1 }),
    seed: configFlags.seed,
    engine: configFlags.engine,
    config: configFlags.config,
    set: configFlags.set,
  };

  async run(): Promise<ExtractResult> {
    const { flags } = await this.parse(Extract);
    const part = partOfProcess(flags.shard, process.env);
    const { out, shard: _shard, batch, limit, ...settings } = flags;
    const layers = await userLayers(settings);
    const services = await this.services(namedPlugins(flags, layers));
    const { config } = await withEmbeddedWeights(resolveConfig(layers, services.plugins), this.note);
    const { requireEmptyFolder, withFolder } = await import("../output/output-paths.js");
    if (await holdsOther(out)) await requireEmptyFolder(out);
    const { openImages } = await import("@revq/data");
    const train = await import("@revq/train");
    const { imageSize } = config.data;
    const images = await openImages(flags.data, {
      ...train.imageOptions(config),
      ...(limit === undefined ? {} : { limit }),
    });
    train.noteImages(images, this.note);
    await this.startEngine(services, config.engine, flags.verbose);
    if (part) this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);
    this.adviceAfterInterrupt = "The same command continues from here.";

    const report = this.display.update.bind(this.display);
    const context = { random: createRandom(config.seed), report, signal: this.signal };
    const { plan, kept, made, joined, skipped } = await withFolder(out, async () => {
      const created = await train.createBackbone(config, { ...services, note: this.note });
      const backbone = await train.fitBackbone(created, images, join(out, train.savedBackboneFile), config, {
        plugins: services.plugins,
        context,
      });
      const { id } = config.backbone;
      const fingerprint = await train.backboneFingerprint(backbone.encoder ?? backbone);
      if (backbone.encoder)
        this.note("A store holds the encoder's latents: name the decoder again when you train. It fits them.");
      const extracted = await train.extractToStore(
        {
          backbone,
          key: {
            backbone: { id, options: created.options, fingerprint },
            imageSize,
            preprocessing: train.preprocessing,
          },
          images,
          folder: out,
          dtype: flags.dtype === "float16" ? "F16" : "F32",
          encodeBatch: batch ?? config.train.encodeBatch,
          phase: "encode images",
          ...(flags["images-per-shard"] === undefined ? {} : { imagesPerShard: flags["images-per-shard"] }),
        },
        part ?? train.wholeJob,
        context,
      );
      backbone.dispose();
      return extracted;
    });
    this.display.finish();
    if (kept > 0) this.note(`${counted(kept, "shard")} existed already.`);
    train.noteSkipped(skipped, this.note);
    train.noteEnlarged([images], this.note);
    const done = joined
      ? `${counted(joined.latents, "latent")} in ${counted(plan.shards, "shard")}`
      : `${made + kept} of ${counted(plan.shards, "shard")}; \`revq merge ${out}\` joins all parts when they are done`;
    const counts = train.countImages(images, skipped);
    this.log(`${out}: ${done}; ${train.countsText(counts)}`);
    return {
      store: resolve(out),
      latentShape: plan.latentShape,
      ...counts,
      shards: plan.shards,
      made,
      kept,
      part: part && { index: part.index, count: part.count },
      latents: joined?.latents ?? null,
    };
  }
}
