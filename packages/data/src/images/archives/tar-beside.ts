/** Members `.cls` and `.txt` of a tar archive, which belong to the image of their key (WebDataset). */
import type { ByteSource } from "@revq/core";
import type { TarMember } from "@revq/formats";
import { keyOf, stemOf, type BesideImage } from "../beside.js";
import { textOf } from "../text-of.js";

/** Keys of archives that were written one after the other are different. */
export function memberKey({ name, archive }: TarMember): string {
  return `${archive}:${keyOf(name)}`;
}

export class TextMembers {
  /** By key and extension: the last one. */
  private readonly members = new Map<string, TarMember>();
  /** By the whole name: several texts of a key (`a.1.txt`, `a.2.txt`) belong to images of their stems. */
  private readonly named = new Map<string, TarMember>();

  /** Other members are ignored. */
  add(member: TarMember): void {
    const extension = /\.(cls|txt)$/.exec(member.name)?.[0];
    if (extension === undefined) return;
    this.members.set(memberKey(member) + extension, member);
    this.named.set(`${member.archive}:${member.name}`, member);
  }

  beside(source: ByteSource, image: TarMember): BesideImage {
    const read = (extension: "cls" | "txt"): BesideImage => {
      const text =
        this.named.get(`${image.archive}:${stemOf(image.name)}.${extension}`) ??
        this.members.get(`${memberKey(image)}.${extension}`);
      if (!text) return {};
      return { [extension]: async () => textOf(await source.read(text.offset, text.size)) };
    };
    return { ...read("cls"), ...read("txt") };
  }
}
