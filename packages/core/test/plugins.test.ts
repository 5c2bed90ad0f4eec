/** Plugin descriptors, their registry, and the messages for wrong options and names. */
import {
  PluginRegistry,
  RevqError,
  definePlugin,
  isPlugin,
  isRevqError,
  nearestNames,
  parseOptions,
  sharedTokenLayout,
  type Plugin,
  type Quantizer,
  type Rectifier,
} from "@revq/core";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const create = (): never => {
  throw new Error("not made in these tests");
};
const quantizer = definePlugin({
  kind: "quantizer",
  id: "grid",
  title: "a grid",
  options: z.strictObject({
    levels: z.int().min(2).default(8).describe("Levels."),
    split: z.enum(["channel", "block"]).optional().describe("Split."),
  }),
  layout: () => ({ layout: sharedTokenLayout(1, 2), parameterCount: 0 }),
  create: create as () => Promise<Quantizer>,
});
const rectifier = definePlugin({
  kind: "rectifier",
  id: "grid",
  title: "another kind may have the id",
  options: z.strictObject({}),
  parameterCount: () => 0,
  create: create as () => Promise<Rectifier>,
});

/** Code, message and fix of the error that is thrown. */
function errorOf(run: () => unknown): { code: string; message: string; fix: string | undefined } {
  try {
    run();
  } catch (error) {
    if (isRevqError(error)) return { code: error.code, message: error.message, fix: error.fix };
    throw error;
  }
  throw new Error("no error was thrown");
}

describe("parseOptions", () => {
  it("fills in defaults", () => {
    expect(parseOptions(quantizer, {})).toEqual({ levels: 8 });
    expect(parseOptions(quantizer, { levels: 3, split: "block" })).toEqual({ levels: 3, split: "block" });
  });
  it("names the setting to change", () => {
    const settingOf = (raw: object): unknown => {
      try {
        return parseOptions(quantizer, raw as Record<string, unknown>);
      } catch (error) {
        return (error as RevqError).setting;
      }
    };
    expect(settingOf({ level: 3 })).toEqual({ path: "quantizer.level", unknown: true });
    expect(settingOf({ levels: 1 })).toEqual({ path: "quantizer.levels" });
  });
  it("names an unknown option and the nearest known one", () => {
    expect(errorOf(() => parseOptions(quantizer, { level: 3, zzz: 1 }))).toMatchInlineSnapshot(`
      {
        "code": "plugin-options",
        "fix": "Its options are levels, split.",
        "message": "Options of the quantizer grid: no option "level" (did you mean levels?); no option "zzz".",
      }
    `);
  });
  it("names every bad value", () => {
    expect(errorOf(() => parseOptions(quantizer, { levels: 1, split: "spatial" })).message).toMatchInlineSnapshot(
      `"Options of the quantizer grid: levels: expected at least 2, got 1; split: expected channel or block, got "spatial"."`,
    );
    expect(errorOf(() => parseOptions(quantizer, { levels: "many" })).message).toMatchInlineSnapshot(
      `"Options of the quantizer grid: levels: expected a number, got "many"."`,
    );
  });
  it("says so where there are no options", () => {
    expect(errorOf(() => parseOptions(rectifier, { levels: 1 }))).toMatchInlineSnapshot(`
      {
        "code": "plugin-options",
        "fix": "It takes no options.",
        "message": "Options of the rectifier grid: no option "levels".",
      }
    `);
  });
});

describe("definePlugin", () => {
  it("gives the descriptor back, frozen", () => {
    expect(isPlugin(quantizer)).toBe(true);
    expect(Object.isFrozen(quantizer)).toBe(true);
  });
  it("refuses what is no descriptor, with every problem", () => {
    const broken = { kind: "quantiser", id: "My Grid", title: "", options: {}, create: 1 };
    expect(errorOf(() => definePlugin(broken as never))).toMatchInlineSnapshot(`
      {
        "code": "plugin-descriptor",
        "fix": "Pass the object that the documentation of \`definePlugin\` in @revq/core describes.",
        "message": "Not a plugin descriptor: kind: Invalid option: expected one of "backbone"|"transform"|"quantizer"|"rectifier"; id: must be lower case words joined by dashes; title: Too small: expected string to have >=1 characters; options: must be a zod object; create: must be a function.",
      }
    `);
    for (const value of [undefined, null, 1, "x", {}, broken]) expect(isPlugin(value)).toBe(false);
  });
  it.each(["a", "a1", "dc-ae", "my-vq2"])("takes the id %s", (id) => {
    expect(isPlugin({ ...quantizer, id })).toBe(true);
  });
  it.each(["", "A", "1a", "a-", "-a", "a--b", "a_b", "a b"])("refuses the id '%s'", (id) => {
    expect(isPlugin({ ...quantizer, id })).toBe(false);
  });
});

describe("PluginRegistry", () => {
  const registry = new PluginRegistry().register(quantizer, "@someone/grid").register(rectifier, "./mine.js");

  it("finds by kind and id, and lists in the order of registration", () => {
    expect(registry.get("quantizer", "grid")).toBe(quantizer);
    expect(registry.get("rectifier", "grid")).toBe(rectifier);
    expect(registry.ids("quantizer")).toEqual(["grid"]);
    expect(registry.ids("backbone")).toEqual([]);
    expect(registry.list().map(({ origin }) => origin)).toEqual(["@someone/grid", "./mine.js"]);
  });
  it("names the nearest id and what to install", () => {
    expect(errorOf(() => registry.get("quantizer", "gird"))).toMatchInlineSnapshot(`
      {
        "code": "plugin-unknown",
        "fix": "Install the package that brings it, or add its package or file to the plugins.",
        "message": "There is no quantizer "gird" here. Did you mean grid? Installed: grid.",
      }
    `);
    expect(errorOf(() => registry.get("backbone", "sd-vae")).message).toMatchInlineSnapshot(
      `"There is no backbone "sd-vae" here. Installed: none."`,
    );
  });
  it("refuses an id twice, and what is no plugin", () => {
    expect(errorOf(() => registry.register({ ...quantizer }, "@other/grid"))).toMatchInlineSnapshot(`
      {
        "code": "plugin-duplicate",
        "fix": "Remove one of the two, or give the plugin in @other/grid another id.",
        "message": "@someone/grid and @other/grid both bring a quantizer with the id "grid".",
      }
    `);
    expect(errorOf(() => registry.register({} as Plugin, "./empty.js"))).toMatchInlineSnapshot(`
      {
        "code": "plugin-descriptor",
        "fix": "Export the result of \`definePlugin\` from @revq/core.",
        "message": "An export of ./empty.js is not a plugin descriptor.",
      }
    `);
    expect(registry.list().length).toBe(2);
  });
});

describe("nearestNames", () => {
  const known = ["tokens", "codes", "split", "groups", "iterations"];
  it.each([
    { typed: "token", expected: ["tokens"] },
    { typed: "tokesn", expected: ["tokens"] },
    { typed: "grups", expected: ["groups"] },
    { typed: "iteration", expected: ["iterations"] },
    { typed: "xyzzy", expected: [] },
  ])("$typed: $expected", ({ typed, expected }) => {
    expect(nearestNames(typed, known)).toEqual(expected);
  });
  it("gives three at most, nearest first, and the same for any order of the known", () => {
    const names = ["aab", "aaa", "aac", "aad"];
    expect(nearestNames("aaa", names)).toEqual(["aaa", "aab", "aac"]);
    expect(nearestNames("aaa", [...names].reverse())).toEqual(["aaa", "aab", "aac"]);
  });
});

describe("RevqError", () => {
  it("carries code, fix, setting and cause", () => {
    const cause = new Error("below");
    const setting = { path: "data.imageSize", value: 256 };
    const error = new RevqError("some-code", "What was got.", { fix: "Do this.", setting, cause });
    expect(error).toMatchObject({ name: "RevqError", code: "some-code", fix: "Do this.", setting, cause });
    expect(new RevqError("some-code", "x")).toMatchObject({ fix: undefined, setting: undefined });
    expect("cause" in new RevqError("some-code", "x")).toBe(false);
  });
  it("is known across copies of the package", () => {
    const foreign = Object.assign(new Error("x"), { name: "RevqError", code: "some-code" });
    expect(isRevqError(foreign)).toBe(true);
    expect(isRevqError(new Error("x"))).toBe(false);
    expect(isRevqError("RevqError")).toBe(false);
  });
});
