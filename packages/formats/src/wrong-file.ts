/**
 * Recognizes files of another kind by their first bytes: a git-LFS pointer, a web page or another
 * text instead of the file, a file that was never filled, and weights in GGUF or HDF5.
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
  {
    start: "\x89hdf\r\n\x1a\n",
    code: "hdf5-file",
    what: "is an HDF5 file, as Keras writes it; this format is not read",
    fix: "Get the weights as safetensors, or as a file of torch.save.",
  },
];

/** Number of leading bytes that `refuseWrongFile` needs. */
export const wrongFileBytes = 64;

/**
 * Throws `git-lfs-pointer`, `html-instead-of-data`, `gguf-file` or `hdf5-file` when a file begins
 * with `start`.
 */
export function refuseWrongFile(name: string, start: Uint8Array): void {
  const text = textOf(start).toLowerCase();
  for (const signature of signatures) {
    if (text.startsWith(signature.start))
      throw new RevqError(signature.code, `${name} ${signature.what}.`, { fix: signature.fix });
  }
}

/**
 * Of files whose format has a header, which is neither a text nor zeros: throws what
 * `refuseWrongFile` throws, `text-instead-of-data` and `zeros-instead-of-data`.
 */
export function refuseHeaderless(name: string, start: Uint8Array): void {
  refuseWrongFile(name, start);
  const first = start.subarray(0, wrongFileBytes);
  if (first.length === 0) return;
  if (first.every((byte) => byte === 0x0a || byte === 0x0d || byte === 0x09 || (byte >= 0x20 && byte <= 0x7e))) {
    throw new RevqError("text-instead-of-data", `${name} is a text, not the file itself: "${shown(textOf(first))}".`, {
      fix: "The download is perhaps an error message. Get the file itself.",
    });
  }
  if (first.length === wrongFileBytes && first.every((byte) => byte === 0)) {
    throw new RevqError("zeros-instead-of-data", `${name} begins with zeros: it was created, but not filled.`, {
      fix: "The download or copy did not finish. Get the file again from its source.",
    });
  }
}

function textOf(start: Uint8Array): string {
  return new TextDecoder("latin1").decode(start.subarray(0, wrongFileBytes)).trimStart();
}

/** The beginning of a text, on one line. */
function shown(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 40)}…` : line;
}
