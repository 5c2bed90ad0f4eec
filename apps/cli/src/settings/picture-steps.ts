/** `--picture-steps`: how many steps the rectifier learns from decoded pictures. */
import { UsageError } from "../errors/usage-error.js";

/** A number of steps, or "auto". Throws `picture-steps`. */
export function parsePictureSteps(text: string): number | "auto" {
  if (text === "auto") return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError("picture-steps", `--picture-steps ${text} is neither "auto" nor a number.`, {
    fix: "--picture-steps 0 leaves these steps out.",
  });
}
