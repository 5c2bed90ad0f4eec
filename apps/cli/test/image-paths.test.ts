import fc from "fast-check";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { imagePaths } from "../src/images/image-paths.js";

const paths = (...names: string[]): string[] =>
  imagePaths("out", names, names.length).map((path) => relative("out", path).replaceAll("\\", "/"));

describe("imagePaths", () => {
  it("keeps the folders of relative names and numbers what has no name", () => {
    expect(paths("n01/a.JPEG", "b", "./c.tar.png")).toEqual(["n01/a.png", "b.png", "c.tar.png"]);
    expect(imagePaths("out", [], 2)).toEqual([join("out", "00000.png"), join("out", "00001.png")]);
  });

  it("leaves of paths what is below the folder they share", () => {
    expect(paths("/home/me/photos/cat.jpg")).toEqual(["cat.png"]);
    expect(paths("/data/n01/a.jpg", "/data/n02/a.jpg", "/data/b.jpg")).toEqual(["n01/a.png", "n02/a.png", "b.png"]);
    expect(paths("../photos/a.jpg", "../more/a.jpg")).toEqual(["photos/a.png", "more/a.png"]);
    expect(paths("C:\\photos\\a.jpg", "C:\\photos\\in\\b.jpg")).toEqual(["a.png", "in/b.png"]);
    expect(paths("/data/a.jpg", "n01/a.jpg")).toEqual(["a.png", "n01/a.png"]);
  });

  it("never gives two pictures one path", () => {
    expect(paths("a.jpg", "a.png", "/x/a.jpg", "a-2.gif")).toEqual(["a.png", "a-2.png", "a-3.png", "a-2-2.png"]);
    expect(paths("..", "/", "", ".hidden")).toEqual(["00000.png", "00001.png", "00002.png", ".hidden.png"]);
  });

  it("stays below the folder, whatever the names are", () => {
    const piece = fc.constantFrom("..", ".", "", "/", "\\", "a", "b.jpg", "C:", "~", "\0", "...");
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 8 }), { maxLength: 5 }), (all) => {
        const names = all.map((pieces, i) => pieces.join(i % 2 ? "/" : ""));
        const result = imagePaths("out", names, names.length);
        expect(new Set(result).size).toBe(names.length);
        for (const path of result) {
          expect(resolve(path).startsWith(`${resolve("out")}${join("/")}`)).toBe(true);
          expect(path).not.toContain("\0");
        }
      }),
    );
  });
});
