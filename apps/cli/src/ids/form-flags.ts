/** The flags that name the form of ids, and the special ids to reserve. */
import { Flags } from "@oclif/core";
import type { IdForm } from "@revq/core";
import type { ReservedIds } from "@revq/tokenizer";
import { UsageError } from "../errors/usage-error.js";

/** @param verb "write" or "read" */
export function formFlags(verb: string) {
  const file = verb === "read" ? " (only for a file that does not say)" : "";
  return {
    "offset-groups": Flags.boolean({
      default: false,
      exclusive: ["offset-positions"],
      description: `${verb} one vocabulary for all tokens: offset of the group + code${file}`,
    }),
    "offset-positions": Flags.boolean({
      default: false,
      description: `${verb} ids of its own for every token: codes of all earlier tokens + code${file}`,
    }),
  };
}

/** Null if no flag names a form. */
export function formOfFlags(flags: {
  readonly "offset-groups": boolean;
  readonly "offset-positions": boolean;
}): IdForm | null {
  if (flags["offset-groups"]) return "groups";
  return flags["offset-positions"] ? "positions" : null;
}

export const reserveFlag = Flags.string({
  description: "special ids to reserve behind those of the codes, such as bos,eos,mask,classes:1000",
  helpValue: "<name[:count],…>",
});

/** Throws `reserve`. */
export function parseReserve(text: string | undefined): ReservedIds[] {
  if (text === undefined) return [];
  return text.split(",").map((entry) => {
    const parts = /^\s*([^:\s]+)\s*(?::\s*(\d+)\s*)?$/.exec(entry);
    if (parts) return { name: parts[1]!, count: Number(parts[2] ?? 1) };
    throw new UsageError("reserve", `--reserve has "${entry}", expected a name, or a name and a count.`, {
      fix: "For example: --reserve bos,eos,mask,classes:1000",
    });
  });
}
