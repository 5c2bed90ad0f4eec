/** What ARCHITECTURE.md and CONTRIBUTING.md say about the house is compared with the house. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
// @ts-expect-error: a configuration file without types
import { layers } from "../eslint.config.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const allowed = layers as Readonly<Record<string, readonly string[]>>;

/** Rows of the table of rooms: folders and what they may import. */
const rooms = read("ARCHITECTURE.md")
  .split("\n")
  .filter((line) => /^\| `/.test(line) && line.split("|").length === 5)
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, first]) => /packages|plugins|apps|examples|tools/.test(first!))
  .map(([, folders, , imports]) => ({
    folders: [...folders!.matchAll(/`([^`]+)`/g)].map((m) => m[1]!),
    imports: imports!,
  }));

function layerOf(folder: string): string {
  const manifest = JSON.parse(read(join(folder, "package.json"))) as { nx?: { tags?: string[] } };
  return manifest.nx!.tags!.find((tag) => tag.startsWith("layer:"))!.slice("layer:".length);
}

describe("the table of rooms", () => {
  const packages = rooms.flatMap(({ folders, imports }) =>
    folders.filter((folder) => folder.startsWith("packages/")).map((folder) => ({ folder, imports })),
  );

  it("lists every package", () => {
    const listed = packages.map(({ folder }) => folder).sort();
    expect(listed).toEqual(
      readdirSync(join(root, "packages"))
        .map((name) => `packages/${name}`)
        .sort(),
    );
  });

  it.each(packages)("$folder imports what the lint allows", ({ folder, imports }) => {
    const expected = imports === "nothing of ours" ? [] : imports.split(", ").sort();
    expect([...allowed[layerOf(folder)]!].sort()).toEqual(expected);
  });

  it("plugins import what the lint allows", () => {
    const { imports } = rooms.find(({ folders }) => folders.includes("plugins/*"))!;
    expect([...allowed["plugin"]!].sort()).toEqual(imports.split(", ").sort());
  });
});

it.each(["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])("%s names no file that is not there", (page) => {
  const text = read(page);
  const named = [
    ...[
      ...text.matchAll(/`((?:packages|plugins|apps|tools|test|docs|deploy|examples|\.ci|\.github)\/[^`*…{} ]*)`/g),
    ].map((m) => m[1]!),
    ...[...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((m) => m[1]!),
  ];
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
