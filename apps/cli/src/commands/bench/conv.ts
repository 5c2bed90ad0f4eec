import { Flags } from "@oclif/core";
import { convolutionKernel, type KernelReport } from "../../bench/kernels.js";
import { KernelCommand, kernelFlags } from "../../bench/kernel-command.js";

export default class BenchConv extends KernelCommand {
  static override summary = "Time 3x3 convolutions, beside bare ONNX Runtime.";
  static override description =
    "One image, as many channels out as in, chained so that no convolution can be skipped. ONNX Runtime runs the same chain on its own, on the CPU.";
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
    return this.bench(convolutionKernel(flags.size, flags.channels), flags);
  }
}
