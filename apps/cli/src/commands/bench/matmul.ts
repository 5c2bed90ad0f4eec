import { Flags } from "@oclif/core";
import { KernelCommand, kernelFlags } from "../../bench/kernel-command.js";
import type { KernelReport } from "../../bench/kernels.js";

export default class BenchMatmul extends KernelCommand {
  static override summary = "Time matrix products, and compare with bare ONNX Runtime.";
  static override description =
    "Square float32 matrices. Products are chained, so that none can be skipped. ONNX Runtime runs the same chain on the CPU.";
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
    const { matmulKernel } = await import("../../bench/kernels.js");
    return this.bench(matmulKernel(flags.size), flags);
  }
}
