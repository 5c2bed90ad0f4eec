/** Help as oclif prints it; for a command that does not exist, the error of the same call without `--help`. */
import { Help as OclifHelp } from "@oclif/core/help";

export default class Help extends OclifHelp {
  override async showHelp(argv: string[]): Promise<void> {
    const [first, ...others] = argv.filter((word) => !word.startsWith("-"));
    const typed = first === undefined || first === "help" ? others : [first, ...others];
    const ids = new Set(this.config.commandIDs);
    const isKnown = typed.some((_, i) => {
      const id = typed.slice(0, i + 1).join(":");
      return ids.has(id) || this.config.topics.some(({ name }) => name === id);
    });
    if (typed.length > 0 && !isKnown) {
      const { printError } = await import("./errors/print-error.js");
      const { wrongCallExitCode } = await import("./errors/exit-code.js");
      const { unknownCommand } = await import("./errors/unknown-command.js");
      printError(unknownCommand(typed, this.config.commands), false);
      process.exitCode = wrongCallExitCode;
      return;
    }
    await super.showHelp(first === "help" ? argv.filter((word) => word !== "help") : argv);
  }
}
