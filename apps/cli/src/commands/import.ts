import { Args, Flags } from "@oclif/core";
import { latentShapeToArray, RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { isRelativePath, serializeTokenizer } from "@revq/tokenizer";
import { presetNames, type PresetName } from "@revq/train";
import { mkdir, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { backboneFlags, openBackbone } from "../backbone/open-backbone.js";
import { BaseCommand, engineFlag } from "../base-command.js";
import { readAuthorsCheckpoint } from "../import/checkpoint.js";
import { importTokenizer } from "../import/import-tokenizer.js";
import { importedCard } from "../import/model-card.js";
import { readStatistics } from "../import/statistics.js";

interface ImportReport {
  readonly tokenizer: string;
  readonly latentShape: readonly number[];
  readonly tokens: number;
  readonly groups: number;
  readonly codes: number;
  readonly bitsPerImage: number;
  readonly backbone: string | null;
}

export default class Import extends BaseCommand {
  static override summary = "Make a tokenizer of a checkpoint of the ReVQ authors' code.";
  static override description =
    "Codebooks, group order and rectifier are taken as they are; every size is read off the checkpoint. --stats names the mean and the deviation of every latent dimension (the authors' preprocessor.pth); without it the tokenizer takes standardized latents. Without --backbone it is a tokenizer of latents. Nothing in the pickle is executed.";
  static override examples = [
    {
      description: "The published 512-token checkpoint, with the VAE it was trained on:",
      command:
        "<%= config.bin %> import revq ckpt.pth --preset 512T --stats preprocessor.pth --backbone dc-ae --weights hf:mit-han-lab/dc-ae-f32c32-sana-1.1-diffusers -o my-tokenizer",
    },
    {
      description: "For latents alone:",
      command: "<%= config.bin %> import revq ckpt.pth --stats preprocessor.pth -o my-tokenizer",
    },
  ];
  static override args = {
    format: Args.string({ description: "whose checkpoint it is", options: ["revq"], required: true }),
    checkpoint: Args.string({ description: "ckpt.pth", required: true }),
  };
  static override flags = {
    preset: Flags.string({ description: "check that it has this preset's sizes", options: [...presetNames] }),
    stats: Flags.string({
      description: "mean and std of the latents: .pth, .safetensors or .npy",
      helpValue: "<file>",
    }),
    ...backboneFlags,
    "image-size": Flags.integer({ description: "side of the images that it was trained on", min: 1, default: 256 }),
    out: Flags.string({ char: "o", description: "the tokenizer's folder", required: true, helpValue: "<dir>" }),
    engine: engineFlag,
  };

  async run(): Promise<ImportReport> {
    const { args, flags } = await this.parse(Import);
    const existing = await readdir(flags.out).catch(() => []);
    if (existing.length > 0) {
      throw new RevqError("out-not-empty", `${flags.out} is not empty.`, { fix: "Name a new folder.", exitCode: 2 });
    }
    const checkpoint = await readAuthorsCheckpoint(args.checkpoint);
    const statistics = flags.stats === undefined ? null : await readStatistics(flags.stats, checkpoint.latentShape);
    if (!statistics) this.note("No --stats: the tokenizer takes latents that are standardized already.");
    const services = await this.services(flags["plugin"] as string[] | undefined);
    await this.startEngine(services, flags.engine ?? "auto", flags["verbose"] as unknown as boolean);
    const named =
      flags.backbone === undefined
        ? null
        : await openBackbone(services, {
            id: flags.backbone,
            weights: flags.weights,
            set: flags.set,
            imageSize: flags["image-size"],
          });
    const weights = named?.weights ?? null;
    const backbone = named && {
      ...named,
      weights: weights !== null && isRelativePath(weights) ? relative(resolve(flags.out), resolve(weights)) : weights,
    };
    const preset = (flags.preset ?? null) as PresetName | null;
    const tokenizer = await importTokenizer(
      { checkpoint, statistics, backbone, imageSize: flags["image-size"], preset },
      services.plugins,
    );
    await mkdir(flags.out, { recursive: true });
    for (const [name, bytes] of Object.entries(await serializeTokenizer(tokenizer)))
      await writeFileAtomic(join(flags.out, name), bytes);
    await writeFileAtomic(join(flags.out, "README.md"), importedCard(tokenizer.config));
    const { tokens, groups, codes } = checkpoint;
    const { bitsPerImage } = tokenizer;
    tokenizer.dispose();
    this.display.finish();
    const latentShape = latentShapeToArray(checkpoint.latentShape);
    this.log(
      `${flags.out}: ${tokens} tokens in ${groups} groups of ${codes} codes, ${bitsPerImage.toFixed(0)} bits per latent [${latentShape}]`,
    );
    return { tokenizer: flags.out, latentShape, tokens, groups, codes, bitsPerImage, backbone: backbone?.id ?? null };
  }
}
