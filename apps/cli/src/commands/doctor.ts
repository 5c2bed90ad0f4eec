import { BaseCommand } from "../base-command.js";
import type { DoctorReport } from "../doctor/examine.js";

export default class Doctor extends BaseCommand {
  static override summary = "Report which engines work on this machine, and what to do about those that do not.";
  static override description =
    "Tries every engine in a process of its own and times those that work, for a few seconds each. Needs no network and changes nothing. The exit code is 3 if no engine can train.";
  static override examples = [
    "<%= config.bin %> doctor",
    { description: "To paste into a bug report:", command: "<%= config.bin %> doctor --json" },
  ];

  async run(): Promise<DoctorReport> {
    await this.parse(Doctor);
    const { examine } = await import("../doctor/examine.js");
    const { doctorText } = await import("../doctor/text.js");
    const { noEngineExitCode } = await import("../errors/exit-code.js");
    const { version, pjson } = this.config;
    const report = await examine({
      revq: version,
      wantedNode: pjson.engines?.["node"] ?? ">=20.19.0",
      folder: process.cwd(),
      env: process.env,
      check: { signal: this.signal },
      onEngine: (id, done, total) => this.display.update({ phase: "try engines", done, total, detail: id }),
    });
    this.display.finish();
    this.log(doctorText(report));
    if (!report.trains) process.exitCode = noEngineExitCode;
    return report;
  }
}
