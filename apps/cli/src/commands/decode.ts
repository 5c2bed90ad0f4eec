import { Args, Flags } from "@oclif/core";
import { latentSize } from "@revq/core";
import { inMemoryLatents, writeLatentsNpy, writePng } from "@revq/data";
import { checkCodeRange, configLatentShape, tileCount, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { dirname, extname } from "node:path";
import { BaseCommand, engineFlag } from "../base-command.js";
import { readIds, type IdsFile } from "../ids-file.js";
import { makeFolder, requireWritableFile } from "../output-paths.js";
import { picturePaths } from "../picture-paths.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";

interface DecodeReport {
  readonly images: readonly string[];
  /** The file of latents, when that was asked for. */
  readonly latents: string | null;
}

export default class Decode extends BaseCommand {
  static override summary = "Decode ids to images, or to latents.";
  static override description =
    "Writes one PNG an image, named as the images were that the ids came from, or by number; always below the folder: of absolute names what is below the folder they share.";
  static override examples = [
    "<%= config.bin %> decode my-tokenizer ids.npy -o out/",
    {
      description: "Flat ids from a language model:",
      command: "<%= config.bin %> decode my-tokenizer ids.npy --offset-groups -o out/",
    },
    {
      description: "Latents, in the scale of the backbone:",
      command: "<%= config.bin %> decode my-tokenizer ids.npy -o latents.npy",
    },
  ];
  static override args = {
    tokenizer: tokenizerArgument,
    ids: Args.string({ description: "file of ids: .npy [n, t], .json or .safetensors", required: true }),
  };
  static override flags = {
    out: Flags.string({
      char: "o",
      description: "folder for the images, or FILE.npy for latents [n,c,h,w]",
      required: true,
      helpValue: "<dir>",
    }),
    "offset-groups": Flags.boolean({
      default: false,
      description: "the .npy holds flat ids (the other formats say so themselves)",
    }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 8 }),
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<DecodeReport> {
    const { args, flags } = await this.parse(Decode);
    const toLatents = extname(flags.out).toLowerCase() === ".npy";
    if (toLatents) await requireWritableFile(flags.out);
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: !toLatents });
    const ids = await readIds(args.ids, tokenizer.tokens, flags["offset-groups"]);
    checkCodeRange(ids.codes, tokenizer.tokens);
    let images: readonly string[] = [];
    if (toLatents) await this.decodeLatents(tokenizer, ids, flags);
    else {
      await makeFolder(flags.out);
      images = await (ids.grids ? this.decodeTiles(tokenizer, ids, flags) : this.decodeImages(tokenizer, ids, flags));
    }
    tokenizer.dispose();
    this.display.finish();
    const count = toLatents ? `${ids.codes.length / ids.tokens} latents` : `${images.length} images`;
    this.log(`${count} in ${flags.out}`);
    return { images, latents: toLatents ? flags.out : null };
  }

  private async decodeImages(tokenizer: Tokenizer, ids: IdsFile, { out, batch }: OutFlags): Promise<string[]> {
    const size = imageSizeOf(tokenizer);
    const count = ids.codes.length / ids.tokens;
    const paths = picturePaths(out, ids.names, count);
    for (let start = 0; start < count; start += batch) {
      this.signal.throwIfAborted();
      const codes = codesTensor(ids, start, batch);
      const images = await tokenizer.decodeCodes(codes);
      const n = codes.shape[0];
      const pixels = (await images.data()) as Float32Array;
      tf.dispose([codes, images]);
      for (let i = 0; i < n; i++) {
        const path = paths[start + i]!;
        await makeFolder(dirname(path));
        await writePng(path, {
          width: size,
          height: size,
          pixels: pixels.subarray(i * size * size * 3, (i + 1) * size * size * 3),
        });
      }
      this.display.update({ phase: "decode", done: start + n, total: count });
    }
    return paths;
  }

  private async decodeLatents(tokenizer: Tokenizer, ids: IdsFile, { out, batch }: OutFlags): Promise<void> {
    const shape = configLatentShape(tokenizer.config);
    const count = ids.codes.length / ids.tokens;
    const all = new Float32Array(count * latentSize(shape));
    for (let start = 0; start < count; start += batch) {
      this.signal.throwIfAborted();
      const codes = codesTensor(ids, start, batch);
      const latents = tokenizer.decodeLatents(codes);
      all.set(await latents.data(), start * latentSize(shape));
      tf.dispose([codes, latents]);
      this.display.update({ phase: "decode", done: Math.min(count, start + batch), total: count });
    }
    await writeLatentsNpy(out, inMemoryLatents(shape, all));
  }

  /** Images of their own sizes, one after the other. */
  private async decodeTiles(tokenizer: Tokenizer, ids: IdsFile, { out, batch }: OutFlags): Promise<string[]> {
    const grids = ids.grids!;
    const paths = picturePaths(out, ids.names, grids.length);
    let start = 0;
    for (const [i, grid] of grids.entries()) {
      const end = start + tileCount(grid) * ids.tokens;
      const report = this.display.update.bind(this.display);
      const [picture] = await tokenizer.decode(ids.codes.subarray(start, end), grid, {
        batch,
        signal: this.signal,
        report,
      });
      const { width, height, data } = picture!;
      await makeFolder(dirname(paths[i]!));
      await writePng(paths[i]!, { width, height, pixels: new Uint8Array(data.filter((_, at) => at % 4 < 3)) });
      start = end;
    }
    return paths;
  }
}

interface OutFlags {
  readonly out: string;
  readonly batch: number;
}

/** Up to `batch` images' codes from image `start` on, `[n, t]`. */
function codesTensor({ codes, tokens }: IdsFile, start: number, batch: number): tf.Tensor2D {
  const part = codes.slice(start * tokens, (start + batch) * tokens);
  return tf.tensor2d(part, [part.length / tokens, tokens], "int32");
}
