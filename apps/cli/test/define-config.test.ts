/** What an editor is told about configurations: by TypeScript's language service, and by JSON Schema in a validator that is not ours. */
import { Ajv } from "ajv";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configSchema, resolveConfig, type ConfigLayer } from "@revq/train";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { parse } from "yaml";
import { readConfigFile } from "../src/settings/config-file.js";
import { createContainer, defineConfig, discoverPlugins, services, type UserConfig } from "../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "revq-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
const { plugins } = await discoverPlugins([], folder);
const registry = services(createContainer(plugins)).plugins;

describe("types", () => {
  type Ids<Section extends object | undefined> = NonNullable<Section> extends { id: infer Id } ? Id : never;

  it("know the ids of everything that comes with the command line", () => {
    // The example's plugin is in the same compilation as this test.
    expectTypeOf<Exclude<Ids<UserConfig["quantizer"]>, "lattice">>().toEqualTypeOf<
      "bsq" | "fsq" | "lfq" | "multigroup" | "residual" | "tokenbridge" | "trellis" | "vq"
    >();
    expectTypeOf<Ids<UserConfig["backbone"]>>().toEqualTypeOf<"dc-ae" | "linear" | "onnx" | "sd-vae" | "tae">();
    expectTypeOf<Ids<UserConfig["rectifier"]>>().toEqualTypeOf<"cnn" | "efficientvit" | "identity" | "mlp">();
    const ids = Object.fromEntries(
      (["backbone", "quantizer", "rectifier"] as const).map((kind) => [kind, registry.ids(kind).sort()]),
    );
    expect(ids).toEqual({
      backbone: ["dc-ae", "linear", "onnx", "sd-vae", "tae"] satisfies Ids<UserConfig["backbone"]>[],
      quantizer: ["bsq", "fsq", "lfq", "multigroup", "residual", "tokenbridge", "trellis", "vq"] satisfies Ids<
        UserConfig["quantizer"]
      >[],
      rectifier: ["cnn", "efficientvit", "identity", "mlp"] satisfies Ids<UserConfig["rectifier"]>[],
    });
  });

  it("take a plugin's options beside its id, and no others", () => {
    const config = defineConfig({
      bits: 4096,
      data: { train: "photos", imageSize: 128 },
      backbone: { id: "linear", patch: 16, weights: null },
      quantizer: { id: "fsq", levels: [8, 5, 5, 5] },
      train: { epochs: 3 },
    });
    expect(resolveConfig([{ name: "revq.config.ts", values: { ...config } }], registry).config).toMatchObject(config);
    // @ts-expect-error no such id
    defineConfig({ quantizer: { id: "fsqq" } });
    // @ts-expect-error an option of another quantizer
    defineConfig({ quantizer: { id: "fsq", beam: 4 } });
    // @ts-expect-error a list of numbers
    defineConfig({ quantizer: { id: "fsq", levels: "8,5,5,5" } });
    // @ts-expect-error no such key
    defineConfig({ train: { epoch: 3 } });
  });
});

describe("an editor", () => {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const path = join(here, "completed.ts");
  let text = "";
  let version = 0;
  let service: ts.LanguageService;

  beforeAll(() => {
    const config = ts.readConfigFile(join(here, "../../../tsconfig.test.json"), ts.sys.readFile).config as object;
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, join(here, "../../.."));
    service = ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => [path],
      getScriptVersion: (file) => (file === path ? String(version) : "0"),
      getScriptSnapshot: (file) =>
        file === path
          ? ts.ScriptSnapshot.fromString(text)
          : ts.sys.fileExists(file)
            ? ts.ScriptSnapshot.fromString(readFileSync(file, "utf8"))
            : undefined,
      getCurrentDirectory: () => dirname(path),
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    });
  });

  /** What is offered where `|` stands. */
  function completions(config: string): string[] {
    const marked = `import { defineConfig } from "../src/index.js";\nexport default defineConfig(${config});\n`;
    text = marked.replace("|", "");
    version++;
    return service.getCompletionsAtPosition(path, marked.indexOf("|"), {})?.entries.map(({ name }) => name) ?? [];
  }

  it("completes ids", () => {
    expect(completions('{ quantizer: { id: "|" } }').sort()).toEqual(registry.ids("quantizer").sort());
    expect(completions('{ rectifier: { id: "|" } }').sort()).toEqual(registry.ids("rectifier").sort());
  });

  it("completes the options of that id, and says what is wrong", () => {
    const offered = completions('{ quantizer: { id: "fsq", | } }');
    expect(offered).toEqual(expect.arrayContaining(["tokens", "codes", "levels", "split"]));
    expect(offered).not.toContain("beam");
    expect(completions('{ quantizer: { id: "fsq", split: "|" } }').sort()).toEqual([
      "auto",
      "block",
      "channel",
      "eigenvalue",
      "patch",
      "spatial",
    ]);
    completions('{ quantizer: { id: "fsqq" }| }');
    const [problem] = service.getSemanticDiagnostics(path);
    expect(ts.flattenDiagnosticMessageText(problem!.messageText, "\n")).toContain('"fsqq"');
  });
});

describe("JSON Schema", () => {
  const schema = configSchema(registry);
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
  const problems = (yaml: string): string =>
    validate(parse(yaml))
      ? ""
      : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`).join("\n");

  it("is draft 7, and takes what the command takes", () => {
    expect(schema["$schema"]).toContain("draft-07");
    for (const good of [
      "{}",
      "preset: 512T",
      "quantizer: { id: fsq, levels: [8, 5, 5, 5] }",
      "quantizer: { tokens: 64 }", // of the default one
      "backbone: { id: sd-vae, weights: some/folder, embed: true }",
      "train: { epochs: 3 }\ndata: { train: photos, limit: null }",
    ]) {
      expect(problems(good), good).toBe("");
      expect(() => resolveConfig([{ name: "file", values: parse(good) as ConfigLayer }], registry), good).not.toThrow();
    }
  });

  it.each([
    ["trian: {}", "additional properties"],
    ["train: { epoch: 3 }", "additional properties"],
    ["train: { epochs: 0 }", ">= 1"],
    ["quantizer: { id: fsqq }", "allowed values"],
    ["quantizer: { id: fsq, beam: 4 }", "additional properties"],
    ["quantizer: { beam: 4 }", "additional properties"],
    ["quantizer: { id: fsq, split: rows }", "one of the allowed values"],
  ])("refuses what the command refuses: %s", (bad, message) => {
    expect(problems(bad)).toContain(message);
    expect(() => resolveConfig([{ name: "file", values: parse(bad) as ConfigLayer }], registry)).toThrow();
  });
});

it("JSON Schema has the defaults, but none that is null: yaml-language-server then offers nothing that follows", () => {
  const text = JSON.stringify(configSchema(registry));
  expect(text).toContain('"default":256');
  expect(text).not.toContain('"default":null');
});

describe("a module as config file", () => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  it("is its default export", async () => {
    const path = write("good.mjs", "export default { train: { epochs: 3 } };");
    expect(await readConfigFile(path)).toEqual({ train: { epochs: 3 } });
  });
  it.each([
    ["nothing.mjs", "export const config = {};", /has no default export/],
    ["throws.mjs", "throw new Error('out of order');", /cannot be imported: out of order/],
    ["text.mjs", "export default 'text';", /holds no keys/],
  ])("%s says what is wrong", async (name, text, message) => {
    await expect(readConfigFile(write(name, text))).rejects.toThrow(message);
  });
});
