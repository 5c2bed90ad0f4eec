/** What `revq bench matmul` and `revq bench conv` share: flags, engine, output. */
import { Flags } from "@oclif/core";
import { BaseCommand, engineFlag } from "../base-command.js";
import { benchKernel, type Kernel, type KernelReport } from "./kernels.js";

export const kernelFlags = {
  engine: engineFlag,
  repeats: Flags.integer({ description: "timed runs; the median counts", min: 1, default: 9 }),
};

export abstract class KernelCommand extends BaseCommand {
  protected async bench(
    kernel: Kernel,
    flags: { readonly engine: string | undefined; readonly repeats: number; readonly verbose?: unknown },
  ): Promise<KernelReport> {
    const services = await this.services();
    const engine = await this.startEngine(services, flags.engine ?? "auto", flags.verbose === true);
    const report = await benchKernel(kernel, engine, { repeats: flags.repeats, signal: this.signal });
    const line = (name: string, { ms, gflops }: { ms: number; gflops: number }): string =>
      `  ${name.padEnd(18)} ${ms.toFixed(3).padStart(10)} ms ${gflops.toFixed(1).padStart(10)} GFLOP/s`;
    this.log(`${report.what}\n\n${line(engine.id, report)}`);
    if (report.onnxruntime === null || report.ratio === null) {
      this.log("  onnxruntime-node cannot be loaded here, so there is nothing to compare with.");
    } else {
      this.log(line("bare onnxruntime", report.onnxruntime));
      this.log(`\n${engine.id} takes ${report.ratio.toFixed(2)} times as long as bare ONNX Runtime on the CPU.`);
    }
    return report;
  }
}
