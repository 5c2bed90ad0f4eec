import { Flags } from "@oclif/core";
import { KernelCommand, kernelFlags } from "../../bench/kernel-command.js";
import type { KernelReport } from "../../bench/kernels.js";

export default class BenchConv extends KernelCommand {
  static override summary = "Time 3x3 convolutions, and compare with bare ONNX Runtime.";
  static override description =
    "One image, with as many output as input channels. Convolutions are chained, so that none can be skipped. ONNX Runtime runs the same chain on the CPU.";
  static override examples = [
    "<%= config.bin %> bench conv",
    "<%= config.bin %> bench conv --size 16 --channels 512 --json",
  ];
  static override flags = {
    ...kernelFlags,
    size: Flags.integer({ description: "side of the image", min: 1, default: 64 }),
    channels: Flags.integer({ description: "channels in and out", min: 1, default: 64 }),
  };

  async run(): Promise<KernelReport> {
    const { flags } = await this.parse(BenchConv);
    const { convolutionKernel } = await import("../../bench/kernels.js");
    return this.bench(convolutionKernel(flags.size, flags.channels), flags);
  }
}
