/** The images of `--images` that are no files of one folder: members of archives, rows of tables, several sources. */
import type { IndexedImageSource } from "@revq/data";

export interface ServedImages {
  /** For the page: URLs are relative to it. */
  readonly listed: readonly { readonly name: string; readonly url: string }[];
  /** The PNG behind a path of the server (`/images/0.png`); null where there is none. */
  read(pathname: string): Promise<Uint8Array | null>;
}

/** Every image is read when the page asks for it. @param most how many are listed */
export function servedImages(source: IndexedImageSource, most: number): ServedImages {
  const names = source.names.slice(0, most);
  return {
    listed: names.map((name, i) => ({ name, url: `images/${i}.png` })),
    async read(pathname) {
      const [, digits] = /^\/images\/(\d{1,9})\.png$/.exec(pathname) ?? [];
      if (digits === undefined || Number(digits) >= names.length) return null;
      const { encodePng } = await import("@revq/data");
      const { width, height, data } = await source.whole(Number(digits));
      return encodePng({ width, height, pixels: data });
    },
  };
}
