/** Lists of found images: files of folders by name alone, others as they are. */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "../src/images/find/findings.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-found-"));
  await mkdir(join(folder, "b"));
  for (const name of ["a.png", "b/a.png"]) await writeFile(join(folder, name), name);
});
afterAll(() => rm(folder, { recursive: true }));

it("reads each image from where it is, in the order in which all were added", async () => {
  const found = findings();
  const [whole, below] = [
    { path: folder, prefix: "" },
    { path: join(folder, "b"), prefix: "sub/" },
  ];
  const own = (name: string) => ({ name, size: () => 1, read: async () => Buffer.from(`own ${name}`) });
  found.add(own("x.png"));
  found.addFiles(whole, ["a.png", "b/a.png"]);
  found.addFiles(below, ["sub/a.png"]);
  found.add(own("y.png"));
  found.add(own("z.png"));
  found.addFiles(whole, ["a.png"]);
  expect(found.images.length).toBe(7);
  expect(found.images.names).toEqual(["x.png", "a.png", "b/a.png", "sub/a.png", "y.png", "z.png", "a.png#2"]);
  const contents = await Promise.all([...found.images].map(async (image) => [image.name, String(await image.read())]));
  expect(contents).toEqual([
    ["x.png", "own x.png"],
    ["a.png", "a.png"],
    ["b/a.png", "b/a.png"],
    ["sub/a.png", "b/a.png"],
    ["y.png", "own y.png"],
    ["z.png", "own z.png"],
    ["a.png#2", "a.png"],
  ]);
  expect(await found.images.at(2).size()).toBe(7);
});
