/** An error as the command line shows it. */
import type { RevqError, Setting } from "@revq/core";
import { flagOfSetting, type CommandFlags } from "./flag-of-setting.js";

export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly fix?: string | undefined;
  readonly setting?: Setting | undefined;
  /** The setting as a flag of the command: `--image-size 256`. */
  readonly flag?: string | null;
}

/** @param flags of the command that failed */
export function describeError({ code, message, fix, setting }: RevqError, flags: CommandFlags): ErrorReport {
  return {
    code,
    // oclif wraps the error of a flag's parser in text of its own.
    message: message.replace(/^Parsing --\S+ \n\t(.*)\nSee more help with --help$/s, "$1"),
    fix,
    setting,
    flag: setting ? flagOfSetting(setting, flags) : null,
  };
}
