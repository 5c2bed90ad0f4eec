import { Args, Flags } from "@oclif/core";
import { latentShapeToArray } from "@revq/core";
import { presetNames, type PresetName } from "@revq/train/config";
import { mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { backboneFlags, requiredBackbone } from "../backbone/flags.js";
import { BaseCommand } from "../base-command.js";
import { engineFlag } from "../settings/engine-flag.js";

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
  static override summary = "Convert a checkpoint of the ReVQ authors' code to a tokenizer.";
  static override description =
    "Codebooks, group order and rectifier are kept as they are. All sizes are read from the checkpoint. --stats names the mean and the standard deviation of every latent dimension (the authors' preprocessor.pth); without it the tokenizer takes standardized latents. Without --backbone the result is a tokenizer of latents. Nothing in the pickle is executed.";
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
    format: Args.string({ description: "format of the checkpoint", options: ["revq"], required: true }),
    checkpoint: Args.string({ description: "ckpt.pth", required: true }),
  };
  static override flags = {
    preset: Flags.string({
      description: "check that the checkpoint has the sizes of this preset",
      options: [...presetNames],
    }),
    stats: Flags.string({
      description: "mean and standard deviation of the latents: .pth, .safetensors or .npy",
      helpValue: "<file>",
    }),
    ...backboneFlags,
    "image-size": Flags.integer({ description: "side of the training images in pixels", min: 1, default: 256 }),
    out: Flags.string({ char: "o", description: "folder of the tokenizer", required: true, helpValue: "<dir>" }),
    engine: engineFlag,
  };

  async run(): Promise<ImportReport> {
    const { args, flags } = await this.parse(Import);
    const { requireEmptyFolder } = await import("../output/output-paths.js");
    const { readAuthorsCheckpoint } = await import("../import/checkpoint.js");
    const { readStatistics } = await import("../import/statistics.js");
    await requireEmptyFolder(flags.out);
    const checkpoint = await readAuthorsCheckpoint(args.checkpoint);
    const statistics = flags.stats === undefined ? null : await readStatistics(flags.stats, checkpoint.latentShape);
    if (!statistics) this.note("No --stats: the tokenizer takes standardized latents.");
    const { openBackbone } = await import("../backbone/open-backbone.js");
    const { importTokenizer } = await import("../import/import-tokenizer.js");
    const { importedCard } = await import("../import/model-card.js");
    const { isRelativePath, serializeTokenizer } = await import("@revq/tokenizer");
    const { writeFileAtomic } = await import("@revq/formats/node");
    const services = await this.services(flags.plugin);
    await this.startEngine(services, flags.engine, flags.verbose);
    const named =
      flags.backbone === undefined
        ? null
        : await openBackbone(services, {
            ...requiredBackbone(flags),
            imageSize: flags["image-size"],
          });
    const besideOut = (weights: string | null): string | null =>
      weights !== null && isRelativePath(weights) ? relative(resolve(flags.out), resolve(weights)) : weights;
    const backbone = named && {
      ...named,
      weights: besideOut(named.weights),
      decoder: named.decoder && { ...named.decoder, weights: besideOut(named.decoder.weights) },
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
