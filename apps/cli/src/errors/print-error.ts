/** An error on stderr; with `--json` also on stdout. */
import type { ErrorReport } from "./describe-error.js";

/** @param json whether stdout shall be JSON */
export function printError({ code, message, fix, setting, flag }: ErrorReport, json: boolean): void {
  const advice = [fix, flag && `(${flag})`].filter(Boolean).join(" ");
  process.stderr.write(`Error: ${message}\n${advice ? `  ${advice}\n` : ""}`);
  if (!json) return;
  const error = { code, message, fix: fix ?? null, setting: setting ?? null };
  process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`);
}
