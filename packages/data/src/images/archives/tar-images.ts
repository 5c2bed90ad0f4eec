/** Images in a tar archive, such as a shard of WebDataset. */
import { RevqError, type ByteSource } from "@revq/core";
import { indexTar, type TarMember } from "@revq/formats";
import { arrowReason, compression, kindByName, packedReason } from "../find/file-kind.js";
import type { Findings, FoundImage } from "../find/findings.js";
import { otherImage, rawReason, sniffFormat } from "../sniff.js";

/** Files with more bytes are not read: they are no images and would fill the memory. */
const maxImageBytes = 2 ** 29;

/**
 * Adds the images of the archive, also those under other names, to `found`. Of members of one name
 * the last is used, as when tar unpacks them.
 * @param label name of the archive
 * @throws RevqError `tar-*`, `archive-packed`
 */
export async function findTarImages(source: ByteSource, label: string, found: Findings): Promise<void> {
  await refusePacked(source);
  const images = new Map<string, TarMember>();
  /** Members of different archives in one file are different images. */
  function nameOf({ name, archive }: TarMember): string {
    const plain = `${label}/${name}`;
    return (images.get(plain)?.archive ?? archive) === archive ? plain : `${label}#${archive + 1}/${name}`;
  }
  let replaced = 0;
  let cut: RevqError | null = null;
  const wanted = found.limit - found.images.length;
  try {
    for await (const member of indexTar(source, {
      note: (line) => found.note(`${label}: ${line}`),
      leftOut: (name, what) => leaveOut(found, `${label}/${name}`, what),
      cut: (error) => void (cut = error),
    })) {
      const name = nameOf(member);
      const kind = kindOf(member);
      if (kind === "skip") found.skip(name, skipReason(member));
      if (kind === "pass") found.passOver();
      if (kind !== "image") continue;
      if (images.has(name)) {
        replaced++;
        found.skip(`${name} (an earlier member)`, "a later member has the same name; the last one is used, as in tar");
      }
      images.set(name, member);
      if (images.size >= wanted) break;
    }
  } finally {
    // Also when the archive is broken further on: its whole images may be wanted.
    for (const [name, member] of images) found.add(tarImage(source, name, member));
  }
  if (replaced > 0) {
    found.note(
      `${label}: ${replaced} ${replaced === 1 ? "name occurs" : "names occur"} again later in the archive. The last member of a name is used.`,
    );
  }
  if (cut === null) return;
  if (images.size === 0) throw cut as RevqError;
  found.note(`${label}: It ends without an end mark, as if it was not written to the end. Its whole images are used.`);
}

function tarImage(source: ByteSource, name: string, { offset, size, head }: TarMember): FoundImage {
  return {
    name,
    size: () => size,
    head: () => head,
    read: async () => {
      if (size > maxImageBytes) throw new Error(`it has ${size} bytes, more than an image has`);
      return source.read(offset, size);
    },
  };
}

function kindOf({ name, head }: TarMember): "image" | "skip" | "pass" {
  // Resource forks of macOS, beside the files that they belong to.
  if (/(^|\/)\._[^/]*$/.test(name)) return "pass";
  const kind = kindByName(name);
  if (kind === "raw" || kind === "arrow") return "skip";
  if (kind === "image" || "format" in sniffFormat(head)) return "image";
  return kind === "other-image" || kind === "packed" || kind === "tar" || kind === "parquet" ? "skip" : "pass";
}

function skipReason({ name, head }: TarMember): string {
  const kind = kindByName(name);
  if (kind === "packed") return packedReason;
  if (kind === "raw") return rawReason;
  if (kind === "arrow") return arrowReason;
  if (kind === "tar" || kind === "parquet") return "an archive inside an archive; unpack the outer one first";
  const content = sniffFormat(head);
  return otherImage("looksLike" in content ? content.looksLike : content.format);
}

function leaveOut(found: Findings, name: string, what: string): void {
  if (what === "a folder") return;
  if (kindByName(name) === "other") found.passOver();
  else found.skip(name, what.startsWith("cut off") ? what : `it is ${what}; only whole files are read from archives`);
}

async function refusePacked(source: ByteSource): Promise<void> {
  const packer = compression(await source.read(0, Math.min(6, source.size)));
  if (packer === null) return;
  throw packed(source.name, packer);
}

export function packed(name: string, packer: string | null): RevqError {
  return new RevqError("archive-packed", `${name} is a compressed archive${packer === null ? "" : ` (${packer})`}.`, {
    fix: "Unpack it and name the .tar file or the folder: images inside a compressed file cannot be read one by one.",
    setting: { path: "data.train" },
  });
}
