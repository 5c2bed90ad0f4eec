import { Args, Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { writePng } from "@revq/data";
import { checkCodeRange, tileCount, type TileGrid, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir } from "node:fs/promises";
import { basename, dirname, extname, join, normalize } from "node:path";
import { BaseCommand, engineFlag } from "../base-command.js";
import { readIds } from "../ids-file.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";

interface DecodeReport {
  readonly images: readonly string[];
}

export default class Decode extends BaseCommand {
  static override summary = "Decode ids to images.";
  static override description =
    "Writes one PNG an image, named as the images were that the ids came from, or by number.";
  static override examples = [
    "<%= config.bin %> decode my-tokenizer ids.npy -o out/",
    {
      description: "Flat ids from a language model:",
      command: "<%= config.bin %> decode my-tokenizer ids.npy --offset-groups -o out/",
    },
  ];
  static override args = {
    tokenizer: tokenizerArgument,
    ids: Args.string({ description: "file of ids: .npy [n, t], .json or .safetensors", required: true }),
  };
  static override flags = {
    out: Flags.string({ char: "o", description: "folder for the images", required: true, helpValue: "<dir>" }),
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
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: true });
    const { tokens } = tokenizer;
    const { codes, names, grids } = await readIds(args.ids, tokens, flags["offset-groups"]);
    checkCodeRange(codes, tokens);
    if (grids) return this.decodeTiles(tokenizer, codes, grids, outputPaths(flags.out, names, grids.length), flags);
    const count = codes.length / tokens.tokens;
    const size = imageSizeOf(tokenizer);
    const paths = outputPaths(flags.out, names, count);
    for (let start = 0; start < count; start += flags.batch) {
      this.signal.throwIfAborted();
      const n = Math.min(flags.batch, count - start);
      const ids = tf.tensor2d(
        codes.slice(start * tokens.tokens, (start + n) * tokens.tokens),
        [n, tokens.tokens],
        "int32",
      );
      const images = await tokenizer.decodeCodes(ids);
      const pixels = (await images.data()) as Float32Array;
      tf.dispose([ids, images]);
      for (let i = 0; i < n; i++) {
        const path = paths[start + i]!;
        await mkdir(dirname(path), { recursive: true });
        await writePng(path, {
          width: size,
          height: size,
          pixels: pixels.subarray(i * size * size * 3, (i + 1) * size * size * 3),
        });
      }
      this.display.update({ phase: "decode", done: start + n, total: count });
    }
    tokenizer.dispose();
    this.display.finish();
    this.log(`${count} images in ${flags.out}`);
    return { images: paths };
  }

  /** Images of their own sizes, one after the other. */
  private async decodeTiles(
    tokenizer: Tokenizer,
    codes: Int32Array,
    grids: readonly TileGrid[],
    paths: readonly string[],
    { batch, out }: { batch: number; out: string },
  ): Promise<DecodeReport> {
    let start = 0;
    for (const [i, grid] of grids.entries()) {
      const end = start + tileCount(grid) * tokenizer.tokens.tokens;
      const report = this.display.update.bind(this.display);
      const [picture] = await tokenizer.decode(codes.subarray(start, end), grid, {
        batch,
        signal: this.signal,
        report,
      });
      const { width, height, data } = picture!;
      await writePng(paths[i]!, { width, height, pixels: new Uint8Array(data.filter((_, at) => at % 4 < 3)) });
      start = end;
    }
    tokenizer.dispose();
    this.display.finish();
    this.log(`${grids.length} images in ${out}`);
    return { images: paths };
  }
}

/** `<name>.png` below the folder; never outside of it, whatever the names in the file are. */
function outputPaths(folder: string, names: readonly string[], count: number): string[] {
  if (names.length !== 0 && names.length !== count) {
    throw new RevqError("ids-malformed", `The file has ${names.length} names for ${count} images.`, {
      fix: "Use a file that `revq encode` wrote.",
    });
  }
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    const name = names[i] ?? String(i).padStart(5, "0");
    const inside = normalize(join("/", name)).slice(1);
    const stem = join(dirname(inside), basename(inside, extname(inside)) || String(i).padStart(5, "0"));
    let path = `${stem}.png`;
    for (let copy = 2; taken.has(path); copy++) path = `${stem}-${copy}.png`;
    taken.add(path);
    return join(folder, path);
  });
}
