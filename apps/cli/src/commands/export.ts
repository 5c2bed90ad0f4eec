import { Flags } from "@oclif/core";
import type { Tokenizer } from "@revq/tokenizer";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import type { OnnxExport } from "../export/onnx-export.js";
import { targets } from "../export/targets.js";
import { engineFlag } from "../settings/engine-flag.js";
import { decoderWeightsFlag, tokenizerArgument, weightsFlag } from "../tokenizer/flags.js";

interface ExportReport {
  readonly to: string;
  readonly folder: string;
  readonly files: readonly string[];
  readonly onnx: OnnxExport | null;
}

export default class Export extends BaseCommand {
  static override summary = "Write a tokenizer for PyTorch, ONNX Runtime or a browser.";
  static override description =
    "onnx: encoder.onnx (images -> ids) and decoder.onnx (ids -> images), compared with revq after writing. For a tokenizer of latents they map latents -> ids and back. pytorch: tokenizer.py with config.json and model.safetensors, which gives the ids and pictures of revq with torch, safetensors and Pillow; modeling_revq.py is the same for transformers. tfjs: the tokenizer including its VAE, which @revq/tokenizer opens from a URL in a browser. transformers.js: the two ONNX models under the names that AutoModel of @huggingface/transformers looks for, with preprocessor_config.json. All write vocabulary.json: codebook sizes, groups, and where tokens lie.";
  static override examples = [
    "<%= config.bin %> export my-tokenizer --to onnx -o my-tokenizer-onnx",
    "<%= config.bin %> export my-tokenizer --to pytorch -o my-tokenizer-pytorch",
    "<%= config.bin %> export my-tokenizer --to tfjs -o site/my-tokenizer",
    "<%= config.bin %> export my-tokenizer --to transformers.js -o site/models/my-tokenizer",
  ];
  static override args = { tokenizer: tokenizerArgument };
  static override flags = {
    to: Flags.string({ description: "target", options: Object.keys(targets), required: true }),
    out: Flags.string({ char: "o", description: "a new folder", required: true, helpValue: "<dir>" }),
    batch: Flags.integer({ description: "images that the ONNX models take at once (default: any number)", min: 1 }),
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<ExportReport> {
    const { args, flags } = await this.parse(Export);
    const tracesOnnx = targets[flags.to]!.tracesOnnx;
    if (tracesOnnx && flags.engine !== undefined && flags.engine !== "onnx") {
      throw new UsageError("export-engine", `The engine onnx makes ONNX models, not ${flags.engine}.`, {
        fix: "Leave --engine out.",
      });
    }
    const { requireEmptyFolder, withEmptyFolder } = await import("../output/output-paths.js");
    const { openTokenizer } = await import("../tokenizer/open-tokenizer.js");
    await requireEmptyFolder(flags.out);
    const engine = tracesOnnx ? "onnx" : flags.engine;
    const tokenizer = await openTokenizer(this, args.tokenizer, { ...flags, engine }, "if-any");
    return withEmptyFolder(flags.out, () => this.exportTo(flags, tokenizer));
  }

  private async exportTo(
    flags: { readonly to: string; readonly out: string; readonly batch?: number | undefined },
    tokenizer: Tokenizer,
  ): Promise<ExportReport> {
    const onnx = await targets[flags.to]!.write(tokenizer, flags.out, flags.batch ?? null);
    const { writeFileAtomic } = await import("@revq/formats/node");
    const { jsonText, vocabularyFile } = await import("@revq/tokenizer");
    await writeFileAtomic(join(flags.out, vocabularyFile), jsonText(tokenizer.vocabulary()));
    tokenizer.dispose();
    this.display.finish();
    const entries = await readdir(flags.out, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const files = paths.map((path) => relative(flags.out, path).replaceAll("\\", "/")).sort();
    this.log(`${flags.out}: ${files.join(", ")}`);
    if (flags.to === "pytorch") {
      this.log(`In Python: RevqTokenizer.from_pretrained("${flags.out}") of ${join(flags.out, "tokenizer.py")}`);
    }
    if (onnx) {
      for (const line of onnx.leftOut) this.note(`Left out: ${line}`);
      const ids = onnx.sameIds === null ? "" : `${(100 * onnx.sameIds).toFixed(2)} % of the ids equal`;
      const values = onnx.largestDifference === null ? "" : `values within ${onnx.largestDifference.toExponential(1)}`;
      this.log(`In ONNX Runtime, on a sample: ${[ids, values].filter(Boolean).join(", ")}`);
    }
    return { to: flags.to, folder: flags.out, files, onnx };
  }
}
