/** Paths of decoded images: below the output folder, whatever names a file of ids holds. */
import { join } from "node:path";

interface NamePath {
  readonly folders: readonly string[];
  /** Without its extension. */
  readonly stem: string;
  /** The name says where the image lay on a disk: an absolute path, or one that leads above where it starts. */
  readonly rooted: boolean;
}

/**
 * `<folder>/<name>.png` for each of `count` images, all different. Relative names keep their folders. Of names that are paths of
 * another place (`/photos/n01/a.jpg`, `../a.jpg`, `C:\a.jpg`) only what is below the folder they all share is kept. Images without a name
 * are numbered.
 */
export function imagePaths(folder: string, names: readonly string[], count: number): string[] {
  const numbered = (i: number): string => String(i).padStart(5, "0");
  const paths = Array.from({ length: count }, (_, i) => parseName(names[i] ?? numbered(i), numbered(i)));
  const shared = sharedLength(paths.filter(({ rooted }) => rooted).map(({ folders }) => folders));
  const taken = new Set<string>();
  return paths.map(({ folders, stem, rooted }) => {
    const below = [...folders.slice(rooted ? shared : 0), stem].join("/");
    let path = `${below}.png`;
    for (let copy = 2; taken.has(path); copy++) path = `${below}-${copy}.png`;
    taken.add(path);
    return join(folder, path);
  });
}

/** Both kinds of slashes separate: ids travel between systems. */
function parseName(name: string, otherwise: string): NamePath {
  const pieces = name.replaceAll("\0", "_").split(/[\\/]+/);
  let rooted = pieces.length > 1 && (pieces[0] === "" || /^[A-Za-z]:$/.test(pieces[0]!));
  const kept: string[] = [];
  for (const piece of rooted ? pieces.slice(1) : pieces) {
    if (piece === "..") rooted = kept.pop() === undefined || rooted;
    else if (piece !== "" && piece !== ".") kept.push(piece);
  }
  const last = kept.pop() ?? otherwise;
  return { folders: kept, stem: last.replace(/(?!^)\.[^.]*$/, ""), rooted };
}

/** How many leading folders all of them have alike. */
function sharedLength(all: readonly (readonly string[])[]): number {
  const [first = [], ...rest] = all;
  const different = first.findIndex((piece, at) => rest.some((folders) => folders[at] !== piece));
  return different < 0 ? first.length : different;
}
