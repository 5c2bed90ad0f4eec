/** Images in a tar archive, such as a shard of WebDataset. */
import { RevqError, type ByteSource } from "@revq/core";
import { indexTar, type TarMember } from "@revq/formats";
import { compression, hiddenPart, kindByName, kindOf, reasonOf, type FileKind } from "../find/file-kind.js";
import type { Findings } from "../find/findings.js";
import type { FoundImage } from "../find/found-image.js";
import type { BesideImage } from "../beside.js";
import { memberKey, TextMembers } from "./tar-beside.js";

/** Files with more bytes are not read: they are no images and would fill the memory. */
const maxImageBytes = 2 ** 29;

/** The member that an archive ends inside of. */
interface CutMember {
  readonly name: string;
  readonly reason: string;
}

const earlierReason = "a later member has the same name; the last one is used, as in tar";

/**
 * Adds the images of the archive, also those under other names, to `found`. Of members of one name
 * the last is used, as when tar unpacks them. Hidden members are passed over, as in folders.
 * @param label name of the archive
 * @throws RevqError `tar-*`, `archive-packed`
 */
export async function findTarImages(source: ByteSource, label: string, found: Findings): Promise<void> {
  await refusePacked(source);
  const images = new Map<string, TarMember>();
  const texts = new TextMembers();
  let lastKey = "";
  /** Members of different archives in one file are different images. */
  function nameOf({ name, archive }: TarMember): string {
    const plain = `${label}/${name}`;
    return (images.get(plain)?.archive ?? archive) === archive ? plain : `${label}#${archive + 1}/${name}`;
  }
  const replaced = new Map<string, number>();
  const skipped: (readonly [name: string, reason: string])[] = [];
  let cut: RevqError | null = null;
  let cutMember: CutMember | null = null;
  function isHidden(name: string): boolean {
    const hidden = hiddenPart(name);
    if (hidden !== null) found.hide(`${label}/${hidden}`);
    return hidden !== null;
  }
  function leaveOut(name: string, what: string): void {
    if (what === "a folder" || isHidden(name)) return;
    if (what.startsWith("cut off")) cutMember = { name, reason: what };
    else if (kindByName(name) === "other") found.passOver();
    else skipped.push([`${label}/${name}`, `it is ${what}; only whole files are read from archives`]);
  }
  const wanted = found.limit - found.images.length;
  try {
    for await (const member of indexTar(source, {
      note: (line) => found.note(`${label}: ${line}`),
      leftOut: leaveOut,
      cut: (error) => void (cut = error),
    })) {
      // Members of one key follow each other: the last image may have a label behind it.
      if (images.size >= wanted && memberKey(member) !== lastKey) break;
      const name = nameOf(member);
      if (isHidden(member.name)) continue;
      const kind = kindByName(member.name) === "image" ? "image" : kindOf(member.name, member.head);
      if (kind === "other") {
        found.passOver();
        texts.add(member);
      } else if (kind !== "image") skipped.push([name, reasonOfMember(kind, member)]);
      if (kind !== "image") continue;
      if (images.has(name)) {
        const earlier = (replaced.get(name) ?? 0) + 1;
        replaced.set(name, earlier);
        skipped.push([`${name} (earlier member ${earlier})`, earlierReason]);
      }
      if (images.size >= wanted && !images.has(name)) break;
      images.set(name, member);
      lastKey = memberKey(member);
    }
  } finally {
    // Also when the archive is broken further on: its whole images may be wanted.
    for (const [name, member] of images) found.add(tarImage(source, name, member, texts.beside(source, member)));
    for (const [name, reason] of skipped) found.skip(name, reason);
  }
  if (replaced.size > 0) {
    found.note(
      `${label}: ${replaced.size} ${replaced.size === 1 ? "name occurs" : "names occur"} again later in the archive. The last member of a name is used.`,
    );
  }
  if (cut === null) return;
  // The archive as a whole is the broken thing then, not the member that it ends in.
  if (images.size === 0) throw cut as RevqError;
  if (cutMember !== null) leaveOutCut(found, label, cutMember);
  found.note(`${label}: It ends without an end mark, as if it was not written to the end. Its whole images are used.`);
}

function leaveOutCut(found: Findings, label: string, { name, reason }: CutMember): void {
  if (kindByName(name) === "other") found.passOver();
  else found.skip(`${label}/${name}`, reason);
}

function tarImage(
  source: ByteSource,
  name: string,
  { offset, size, head }: TarMember,
  beside: BesideImage,
): FoundImage {
  return {
    name,
    beside,
    size: () => size,
    head: () => head,
    read: async () => {
      if (size > maxImageBytes) throw new Error(`it has ${size} bytes, more than an image has`);
      return source.read(offset, size);
    },
  };
}

function reasonOfMember(kind: FileKind, { name, head }: TarMember): string {
  if (kind === "tar" || kind === "parquet") return "an archive inside an archive; unpack the outer one first";
  return reasonOf(kind, head, name);
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
