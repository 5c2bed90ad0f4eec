/** No command has the name that was typed: suggests the nearest ones. `revq help COMMAND` is `revq COMMAND --help`. */
import type { Hook } from "@oclif/core";
import { wrongCallExitCode } from "../errors/exit-code.js";
import { printError } from "../errors/print-error.js";
import { unknownCommand } from "../errors/unknown-command.js";

const hook: Hook.CommandNotFound = async function ({ id, argv = [], config }) {
  const typed = id.split(":");
  if (typed[0] === "help") {
    const { loadHelpClass } = await import("@oclif/core/help");
    const Help = await loadHelpClass(config);
    await new Help(config).showHelp([...typed.slice(1), ...argv]);
    return;
  }
  printError(unknownCommand(typed, config.commands), argv.includes("--json"));
  this.exit(wrongCallExitCode);
};
export default hook;
