import { Flags } from "@oclif/core";
import { matmulKernel, type KernelReport } from "../../bench/kernels.js";
import { KernelCommand, kernelFlags } from "../../bench/kernel-command.js";

export default class BenchMatmul extends KernelCommand {
  static override summary = "Time matrix products, beside bare ONNX Runtime.";
  static override description =
    "Square float32 matrices, chained so that no product can be skipped. ONNX Runtime runs the same chain on its own, on the CPU.";
  static override examples = [
    "<%= config.bin %> bench matmul",
    "<%= config.bin %> bench matmul --size 256 --engine wasm --json",
  ];
  static override flags = {
    ...kernelFlags,
    size: Flags.integer({ description: "rows and columns", min: 1, default: 1024 }),
  };

  async run(): Promise<KernelReport> {
    const { flags } = await this.parse(BenchMatmul);
    return this.bench(matmulKernel(flags.size), flags);
  }
}
