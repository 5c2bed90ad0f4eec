/** The flags that name the form of ids, and the special ids to reserve. */
import { Flags } from "@oclif/core";
import { specialIdName, type IdForm } from "@revq/core";
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

/** Before a tokenizer is loaded. Throws `reserve`. */
export function parseReserve(text: string | undefined): ReservedIds[] {
  if (text === undefined) return [];
  const reserved = text.split(",").map((entry) => {
    const [, name, count = "1"] = /^\s*([^:\s]+)\s*(?::\s*(\d+)\s*)?$/.exec(entry) ?? [];
    if (name === undefined) throw refuse(`--reserve has "${entry}", expected a name, or a name and a count.`);
    if (!specialIdName.test(name)) {
      throw refuse(
        `--reserve has "${name}", expected a name of lower-case letters, digits and _, with a letter first.`,
      );
    }
    if (Number(count) < 1) throw refuse(`--reserve has "${entry}", expected a count of 1 or more.`);
    return { name, count: Number(count) };
  });
  const twice = reserved.find(({ name }, i) => reserved.findIndex((other) => other.name === name) < i);
  if (twice) throw refuse(`--reserve has "${twice.name}" twice.`);
  return reserved;
}

function refuse(message: string): UsageError {
  return new UsageError("reserve", message, { fix: "For example: --reserve bos,eos,mask,classes:1000" });
}
