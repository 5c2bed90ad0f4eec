import { Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { serializeTokenizer, Tokenizer } from "@revq/tokenizer";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { BaseCommand, engineFlag } from "../base-command.js";
import { onnxReadme, pytorchReadme, tfjsReadme } from "../export/readme.js";
import { exportOnnx, type OnnxExport } from "../export/to-onnx.js";
import { exportPyTorch, pytorchFile } from "../export/to-pytorch.js";
import { openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";

interface ExportReport {
  readonly to: string;
  readonly folder: string;
  readonly files: readonly string[];
  readonly onnx: OnnxExport | null;
}

export default class Export extends BaseCommand {
  static override summary = "Write a tokenizer for PyTorch, ONNX Runtime or a browser.";
  static override description =
    "onnx: encoder.onnx (images -> ids) and decoder.onnx (ids -> images), each whole and compared with revq once written; a tokenizer of latents gives latents -> ids and back. pytorch: every number in one safetensors file, by the names of the authors' code. tfjs: the tokenizer with its VAE inside, which @revq/tokenizer opens from an URL in a browser.";
  static override examples = [
    "<%= config.bin %> export my-tokenizer --to onnx -o my-tokenizer-onnx",
    "<%= config.bin %> export my-tokenizer --to pytorch -o my-tokenizer-pytorch",
    "<%= config.bin %> export my-tokenizer --to tfjs -o site/my-tokenizer",
  ];
  static override args = { tokenizer: tokenizerArgument };
  static override flags = {
    to: Flags.string({ description: "for what", options: ["onnx", "pytorch", "tfjs"], required: true }),
    out: Flags.string({ char: "o", description: "a new folder", required: true, helpValue: "<dir>" }),
    batch: Flags.integer({ description: "images that the ONNX models take at once", min: 1, default: 1 }),
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<ExportReport> {
    const { args, flags } = await this.parse(Export);
    if (flags.to === "onnx" && flags.engine !== undefined && flags.engine !== "onnx") {
      throw new RevqError("export-engine", `ONNX models are made by the engine onnx, not ${flags.engine}.`, {
        fix: "Leave --engine out.",
        exitCode: 2,
      });
    }
    if ((await readdir(flags.out).catch(() => [])).length > 0) {
      throw new RevqError("out-not-empty", `${flags.out} is not empty.`, { fix: "Name a new folder.", exitCode: 2 });
    }
    const engine = flags.to === "onnx" ? "onnx" : flags.engine;
    const tokenizer = await openTokenizer(this, args.tokenizer, { ...flags, engine }, { backbone: "if-any" });
    const made = await mkdir(flags.out, { recursive: true });
    try {
      return await this.exportTo(flags, tokenizer);
    } catch (error) {
      if (made !== undefined) await rmdir(flags.out).catch(() => {}); // only when nothing was written
      throw error;
    }
  }

  private async exportTo(
    flags: { readonly to: string; readonly out: string; readonly batch: number },
    tokenizer: Tokenizer,
  ): Promise<ExportReport> {
    const write = (name: string, data: string | Uint8Array): Promise<void> =>
      writeFileAtomic(join(flags.out, name), data);
    let onnx: OnnxExport | null = null;
    if (flags.to === "onnx") {
      onnx = await exportOnnx(tokenizer, flags.out, flags.batch);
      await write("README.md", onnxReadme(tokenizer.config, onnx, flags.batch));
    } else if (flags.to === "pytorch") {
      await write("README.md", pytorchReadme(await exportPyTorch(tokenizer, flags.out)));
    } else {
      const { backbone } = tokenizer.config;
      const config = { ...tokenizer.config, backbone: backbone && { ...backbone, weights: null, embedded: true } };
      const whole = new Tokenizer({ ...tokenizer.parts, config });
      for (const [name, bytes] of Object.entries(await serializeTokenizer(whole))) await write(name, bytes);
      await write("README.md", tfjsReadme(config, basename(resolve(flags.out))));
    }
    tokenizer.dispose();
    this.display.finish();
    const files = (await readdir(flags.out)).sort();
    this.log(`${flags.out}: ${files.join(", ")}`);
    if (flags.to === "pytorch") this.log(`In Python: safetensors.torch.load_file("${join(flags.out, pytorchFile)}")`);
    if (onnx) {
      for (const line of onnx.leftOut) this.note(`Left out: ${line}`);
      const ids = onnx.sameIds === null ? "" : `${(100 * onnx.sameIds).toFixed(2)} % of the ids alike`;
      const values = onnx.largestDifference === null ? "" : `values within ${onnx.largestDifference.toExponential(1)}`;
      this.log(`In ONNX Runtime, on a sample: ${[ids, values].filter(Boolean).join(", ")}`);
    }
    return { to: flags.to, folder: flags.out, files, onnx };
  }
}
