/** Packages out of a project's node_modules, good and bad: none may take the command line down. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createContainer, services } from "../src/composition/container.js";
import { discoverPlugins } from "../src/composition/discover-plugins.js";
import { registryOf } from "../src/composition/open-plugins.js";
import { installedPlugins } from "../src/composition/installed-plugins.js";

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "revq-plugins-"));
});
afterEach(() => rmSync(project, { recursive: true }));

const descriptor = (id: string): string =>
  `export const plugin = { kind: "quantizer", id: "${id}", title: "t", options: { safeParse() {} }, create() {} };`;

function install(name: string, code: string, manifest: object = {}): void {
  const folder = join(project, "node_modules", name);
  mkdirSync(folder, { recursive: true });
  const given = { name, type: "module", main: "index.js", keywords: ["revq-plugin"], ...manifest };
  writeFileSync(join(folder, "package.json"), JSON.stringify(given));
  writeFileSync(join(folder, "index.js"), code);
}

function depend(...names: string[]): void {
  const dependencies = Object.fromEntries(names.map((name) => [name, "*"]));
  writeFileSync(join(project, "package.json"), JSON.stringify({ dependencies }));
}

it("takes what is good and reports, with what to do, what is not", async () => {
  install("good", descriptor("good-vq"), { peerDependencies: { "@revq/core": ">=0.0.0 <1.0.0" } });
  install("throws", "throw new Error('out of order');");
  install("empty", "export const nothing = 1;");
  install("taken", descriptor("multigroup"));
  install("other-major", "throw new Error('its code must not run');", { peerDependencies: { "@revq/core": "^7.0.0" } });
  install("unmarked", descriptor("unmarked"), { keywords: [] });
  depend("good", "throws", "empty", "taken", "other-major", "unmarked");
  const { plugins, problems } = await discoverPlugins([], project);
  expect(services(createContainer(plugins)).plugins.ids("quantizer")).toEqual(
    expect.arrayContaining(["multigroup", "good-vq"]),
  );
  expect(plugins.some(({ plugin }) => plugin.id === "unmarked")).toBe(false);
  expect(problems).toEqual([
    "The plugin package throws was left out: out of order",
    "The plugin package empty was left out: empty exports no plugin. Export the result of `definePlugin` from @revq/core.",
    'The plugin package taken was left out: its quantizer id "multigroup" is taken by @revq/quantizer-multigroup. Remove one of the two.',
    expect.stringMatching(
      /^The plugin package other-major was left out: other-major is made for @revq\/core \^7\.0\.0; this revq has \d.*npm install other-major@latest/,
    ),
  ]);
});

it("refuses a named plugin that is made for another major version", async () => {
  install("other-major", descriptor("other"), { peerDependencies: { "@revq/core": "^7.0.0" } });
  depend();
  await expect(discoverPlugins(["other-major"], project)).rejects.toMatchObject({ code: "plugin-core-version" });
  await expect(discoverPlugins(["./node_modules/other-major"], project)).rejects.toMatchObject({
    code: "plugin-core-version",
  });
});

it("records the package of a plugin that is named by its path", async () => {
  install("revq-quantizer-mine", descriptor("mine"));
  depend();
  writeFileSync(join(project, "alone.mjs"), descriptor("alone"));
  const named = ["./node_modules/revq-quantizer-mine", "./node_modules/revq-quantizer-mine/index.js"];
  for (const path of named) {
    const { plugins } = await discoverPlugins([path], project);
    expect(registryOf(plugins).packageOf("quantizer", "mine")).toBe("revq-quantizer-mine");
  }
  const { plugins } = await discoverPlugins(["alone.mjs"], project);
  expect(registryOf(plugins).packageOf("quantizer", "alone"), "the project has no name").toBeNull();
});

it("finds what the projects depend on that the working folder lies in, the nearest first", async () => {
  install("good", descriptor("good-vq"));
  depend("good");
  const inner = join(project, "inner");
  mkdirSync(join(inner, "deep"), { recursive: true });
  const own = join(inner, "node_modules", "good");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(inner, "package.json"), JSON.stringify({ dependencies: { good: "*" } }));
  const manifest = { name: "good", type: "module", main: "index.js", keywords: ["revq-plugin"] };
  writeFileSync(join(own, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(own, "index.js"), descriptor("nearer-vq"));
  const ids = async (folder: string): Promise<string[]> => {
    const { plugins, problems } = await discoverPlugins([], folder);
    expect(problems).toEqual([]);
    return plugins.filter(({ origin }) => origin === "good").map(({ plugin }) => plugin.id);
  };
  expect(await ids(join(inner, "deep"))).toEqual(["nearer-vq"]);
  rmSync(own, { recursive: true });
  expect(await ids(join(inner, "deep"))).toEqual(["good-vq"]); // its dependency is installed further up
});

it("finds what is installed beside the command line: all of it without a manifest, else what that names", async () => {
  install("good", descriptor("good-vq"));
  install("@scope/good", descriptor("scoped-vq"));
  install("unmarked", descriptor("unmarked"), { keywords: [] });
  const elsewhere = join(project, "elsewhere");
  mkdirSync(elsewhere);
  const command = join(project, "node_modules", "@revq", "cli", "dist", "file.js");
  const names = async (): Promise<string[]> => (await installedPlugins(elsewhere, command)).map(({ name }) => name);
  expect((await names()).sort()).toEqual(["@scope/good", "good"]);
  depend("@scope/good");
  expect(await names()).toEqual(["@scope/good"]);
});
