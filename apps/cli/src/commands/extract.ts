import { Flags } from "@oclif/core";
import { fingerprint, parseOptions, createRandom, RevqError, toNamedArrays } from "@revq/core";
import { joinStore, openImages, type StoreManifest } from "@revq/data";
import {
  createBackbone,
  extractToStore,
  fittedBackbone,
  noteSkipped,
  preprocessing,
  resolveConfig,
  savedBackboneFile,
} from "@revq/train";
import { join, resolve } from "node:path";
import { BaseCommand } from "../base-command.js";
import { configFlags, namedPlugins, userLayers } from "../settings/config-flags.js";
import { withEmbeddedWeights } from "../weights/embedded-weights.js";
import { makeFolder } from "../output/output-paths.js";
import { shardFlag, shardPart } from "../parts/part-of-process.js";

interface ExtractResult {
  readonly store: string;
  /** `[c, h, w]` */
  readonly latentShape: readonly number[];
  readonly images: number;
  readonly shards: number;
  /** Shards that this process made, and those of its part that were there. */
  readonly made: number;
  readonly kept: number;
  readonly part: { readonly index: number; readonly count: number } | null;
  /** Null until all parts are there and joined. */
  readonly latents: number | null;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export default class Extract extends BaseCommand {
  static override summary = "Encode images once, into a store of latents that training reads.";
  static override description = `The store is a folder of shards (safetensors, [n,c,h,w]) with a record each. Stopped or killed, the same command goes on: finished shards are kept. Several processes share the work with --shard i/n, or by what their scheduler says (Slurm job arrays, Kubernetes Indexed Jobs, AWS Batch arrays, RANK and WORLD_SIZE); \`revq merge\` joins what they made.`;
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
    { description: "One of 16 machines:", command: "<%= config.bin %> extract --data photos -o store --shard 3/16" },
    { description: "Then, on one of them:", command: "<%= config.bin %> merge store" },
    { description: "And train on it:", command: "<%= config.bin %> train --data store --preset 512T -o my-tokenizer" },
  ];
  static override flags = {
    backbone: configFlags.backbone,
    weights: configFlags.weights,
    data: Flags.string({
      description:
        "folder of images, WebDataset shards (.tar) or .parquet files, on disk or URLs, or synthetic:dead-leaves",
      required: true,
      helpValue: "<dir>",
    }),
    limit: Flags.integer({ description: "only the first N images, by name", min: 1 }),
    "image-size": configFlags["image-size"],
    out: Flags.string({ char: "o", description: "folder of the store", required: true, helpValue: "<dir>" }),
    dtype: Flags.string({ description: "how latents are kept", options: ["float32", "float16"], default: "float32" }),
    "images-per-shard": Flags.integer({ description: "default: at most 1000 shards, of 32 images or more", min: 1 }),
    shard: shardFlag(),
    batch: Flags.integer({ description: "images at a time", min: 1 }),
    seed: configFlags.seed,
    engine: configFlags.engine,
    config: configFlags.config,
    set: configFlags.set,
  };

  async run(): Promise<ExtractResult> {
    const { flags } = await this.parse(Extract);
    const part = shardPart(flags.shard, process.env);
    const { out: _out, shard: _shard, batch, limit: _limit, ...settings } = flags;
    const layers = await userLayers(settings);
    const services = await this.services(namedPlugins(flags, layers));
    const resolved = await withEmbeddedWeights(resolveConfig(layers, services.plugins), this.note);
    const { config } = resolved;
    const images = await openImages(flags.data, {
      size: config.data.imageSize,
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    });
    noteSkipped(images.skipped, this.note);
    await makeFolder(flags.out);
    await this.startEngine(services, config.engine, (flags as { verbose?: boolean }).verbose === true);
    if (part) this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);

    const { id, weights: _weights, embed: _embed, ...given } = config.backbone;
    const plugin = services.plugins.get("backbone", id);
    const options = parseOptions(plugin, given);
    const { signal } = this;
    const context = { random: createRandom(config.seed), report: this.display.update.bind(this.display), signal };
    this.adviceAfterInterrupt = "The same command goes on from here.";
    const backbone = await fittedBackbone(
      await createBackbone(config, services),
      images,
      join(flags.out, savedBackboneFile),
      context,
      (state) => plugin.create(options, { imageSize: config.data.imageSize, state }),
    );
    const print = await fingerprint(await toNamedArrays(backbone.state()));
    const { plan, kept, made, skipped } = await extractToStore(
      {
        backbone,
        key: { backbone: { id, options, fingerprint: print }, imageSize: config.data.imageSize, preprocessing },
        images,
        folder: flags.out,
        dtype: flags.dtype === "float16" ? "F16" : "F32",
        encodeBatch: batch ?? config.train.encodeBatch,
        phase: "encode images",
        ...(flags["images-per-shard"] === undefined ? {} : { imagesPerShard: flags["images-per-shard"] }),
        ...(part ? { part } : {}),
      },
      context,
    );
    backbone.dispose();
    this.display.finish();
    if (kept > 0) this.note(`${kept} shards were there already.`);
    noteSkipped(skipped, this.note);
    const manifest = part && part.count > 1 ? await joinIfWhole(flags.out) : await joinStore(flags.out);
    const done = manifest
      ? `${manifest.latents} latents in ${plan.shards} shards`
      : `${made + kept} of ${plan.shards} shards; \`revq merge ${flags.out}\` joins them when all parts are done`;
    this.log(`${flags.out}: ${done}`);
    return {
      store: resolve(flags.out),
      latentShape: plan.latentShape,
      images: plan.images.count,
      shards: plan.shards,
      made,
      kept,
      part: part && { index: part.index, count: part.count },
      latents: manifest?.latents ?? null,
      skipped,
    };
  }
}

/** The last part to finish joins the store; the others leave it to it. */
async function joinIfWhole(folder: string): Promise<StoreManifest | null> {
  try {
    return await joinStore(folder);
  } catch (error) {
    if (error instanceof RevqError && error.code === "store-unfinished") return null;
    throw error;
  }
}
