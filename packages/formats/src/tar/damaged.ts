import { RevqError } from "@revq/core";

/** The code is `tar-` and `code`. */
export function damagedTar(code: string, archive: string, what: string): RevqError {
  return new RevqError(`tar-${code}`, `${archive} is not a complete tar archive: ${what}.`, {
    fix: "Get the file again from its source. Unpack compressed archives (.tar.gz) first.",
  });
}
