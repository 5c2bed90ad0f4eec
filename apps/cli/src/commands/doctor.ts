import { BaseCommand } from "../base-command.js";
import { examine, type DoctorReport } from "../doctor/examine.js";
import { doctorText } from "../doctor/text.js";

export default class Doctor extends BaseCommand {
  static override summary = "Say what works on this machine, what does not, why, and what to do about it.";
  static override description =
    "Tries every engine in a process of its own and measures those that work for a few seconds. Needs no network and changes nothing. Exit code 3 when no engine can train.";
  static override examples = [
    "<%= config.bin %> doctor",
    { description: "To paste into a bug report:", command: "<%= config.bin %> doctor --json" },
  ];

  async run(): Promise<DoctorReport> {
    await this.parse(Doctor);
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
    if (!report.trains) process.exitCode = 3;
    return report;
  }
}
