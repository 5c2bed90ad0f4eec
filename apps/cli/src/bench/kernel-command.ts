/** Flags, engine and output of `revq bench matmul` and `revq bench conv`. */
import { Flags } from "@oclif/core";
import { BaseCommand, type SharedFlags } from "../base-command.js";
import { engineFlag } from "../settings/engine-flag.js";
import type { Kernel, KernelReport } from "./kernels.js";

export const kernelFlags = {
  engine: engineFlag,
  repeats: Flags.integer({ description: "timed runs; the median counts", min: 1, default: 9 }),
};

interface KernelFlags extends SharedFlags {
  readonly engine?: string | undefined;
  readonly repeats: number;
}

export abstract class KernelCommand extends BaseCommand {
  protected async bench(kernel: Kernel, flags: KernelFlags): Promise<KernelReport> {
    const { benchKernel } = await import("./kernels.js");
    const services = await this.services(flags.plugin);
    const engine = await this.startEngine(services, flags.engine, flags.verbose);
    const report = await benchKernel(kernel, engine, { repeats: flags.repeats, signal: this.signal });
    const line = (name: string, { ms, gflops }: { ms: number; gflops: number }): string =>
      `  ${name.padEnd(18)} ${ms.toFixed(3).padStart(10)} ms ${gflops.toFixed(1).padStart(10)} GFLOP/s`;
    this.log(`${report.what}\n\n${line(engine.id, report)}`);
    if (report.onnxruntime === null || report.ratio === null) {
      this.log("  onnxruntime-node cannot be loaded here, so there is no comparison.");
    } else {
      this.log(line("bare onnxruntime", report.onnxruntime));
      this.log(`\n${engine.id} takes ${report.ratio.toFixed(2)} times as long as bare ONNX Runtime on the CPU.`);
    }
    return report;
  }
}
