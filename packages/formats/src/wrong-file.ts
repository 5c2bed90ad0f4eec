/**
 * Recognizes files of another kind by their first bytes: a git-LFS pointer or a web page instead of
 * the file, and weights in GGUF.
 */
import { RevqError } from "@revq/core";

const signatures: readonly {
  readonly start: string;
  readonly code: string;
  readonly what: string;
  readonly fix: string;
}[] = [
  {
    start: "version https://git-lfs.github.com/spec/v1",
    code: "git-lfs-pointer",
    what: "is a git-LFS pointer, not the file itself",
    fix: "Run `git lfs pull` in the repository it came from, or download the file from its page.",
  },
  {
    start: "<!doctype html",
    code: "html-instead-of-data",
    what: "is an HTML page, not the file itself",
    fix: "The download is a web page, perhaps a login or error page. Get the file itself.",
  },
  {
    start: "<html",
    code: "html-instead-of-data",
    what: "is an HTML page, not the file itself",
    fix: "The download is a web page, perhaps a login or error page. Get the file itself.",
  },
  {
    start: "gguf",
    code: "gguf-file",
    what: "is a GGUF file; this format is not read",
    fix: "Get the VAE's weights as safetensors: the vae/ folder of the model, or ae.safetensors.",
  },
];

/** Number of leading bytes that `refuseWrongFile` needs. */
export const wrongFileBytes = 64;

/** Throws `git-lfs-pointer`, `html-instead-of-data` or `gguf-file` when a file begins with `start`. */
export function refuseWrongFile(name: string, start: Uint8Array): void {
  const text = new TextDecoder("latin1").decode(start.subarray(0, wrongFileBytes)).trimStart().toLowerCase();
  for (const signature of signatures) {
    if (text.startsWith(signature.start))
      throw new RevqError(signature.code, `${name} ${signature.what}.`, { fix: signature.fix });
  }
}
