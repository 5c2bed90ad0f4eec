/** Runs the `@example`s of docstrings and compares every `// =>` line with the value before it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codeBlocks } from "./support/markdown.js";
import { compileExample, examplesOf, findExamples } from "./support/docstring-examples.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = findExamples(root);

/** A package's public names: the exports of all its entry points. */
async function publicNames(folder: string): Promise<Record<string, unknown>> {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
    exports: Record<string, string | { "@revq/source"?: string }>;
  };
  const names: Record<string, unknown> = {};
  for (const entry of Object.values(manifest.exports)) {
    const source = typeof entry === "object" ? entry["@revq/source"] : undefined;
    if (source) {
      Object.assign(names, await import(/* @vite-ignore */ join(root, folder, source)));
    }
  }
  return names;
}

describe("docstring examples", () => {
  it.each(examples)("$file:$line", async (example) => {
    const compiled = compileExample(example);
    expect(compiled.checks, `${example.file}:${example.line}: an example needs a \`// =>\` line`).toBeGreaterThan(0);
    const folder = example.file.split("/").slice(0, 2).join("/");
    const values: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(await publicNames(folder))) {
      if (new RegExp(`\\b${name}\\b`).test(example.code)) values[name] = value;
    }
    for (const { module, name, as } of compiled.imports) {
      const imported = (await import(/* @vite-ignore */ module)) as Record<string, unknown>;
      if (as) values[as] = name === "*" ? imported : imported[name];
    }
    for (const { line, actual, expected } of await compiled.run(values)) {
      expect(actual, `${example.file}:${line}`).toEqual(expected);
    }
  });
});

describe("the names that READMEs and the tutorial import", () => {
  const documented = ["core", "tokenizer", "nearest", "metrics", "formats", "engine"];
  const pages = [
    "README.md",
    "docs/tutorial-plugin.md",
    ...["packages", "plugins", "apps"].flatMap((folder) =>
      readdirSync(join(root, folder)).map((name) => join(folder, name, "README.md")),
    ),
  ];
  const called = new Map<string, Set<string>>();
  for (const page of pages) {
    for (const { code } of existsSync(join(root, page)) ? codeBlocks(page) : []) {
      for (const [, names, module] of code.matchAll(/^import \{([^}]*)\} from "@revq\/([^"]+)";/gm)) {
        const name = module!.split("/")[0]!;
        if (!documented.includes(name)) continue;
        const set = called.get(name) ?? new Set<string>();
        called.set(name, set);
        for (const one of names!
          .split(",")
          .map((part) => part.trim())
          .filter(Boolean)) {
          if (!one.startsWith("type ")) set.add(one.split(" as ")[0]!);
        }
      }
    }
  }

  it.each([...called.keys()].sort())("of @revq/%s have an example", async (name) => {
    const folder = join("packages", name);
    const values = await publicNames(folder);
    const shown = new Set(
      examples
        .filter(({ file }) => file.startsWith(`${folder}/`))
        .flatMap(({ file, line }) => documentedName(file, line)),
    );
    const missing = [...called.get(name)!].filter((one) => typeof values[one] === "function" && !shown.has(one));
    expect(missing).toEqual([]);
  });
});

describe("an example", () => {
  const file = (code: string): string =>
    ["/**", " * @example", ...code.split("\n").map((l) => ` * ${l}`), " */"].join("\n");
  const run = async (code: string, names = {}) => compileExample(examplesOf("a.ts", file(code))[0]!).run(names);

  it("is checked line by line, with typed arrays as arrays", async () => {
    const code =
      'const a = double(2); // => 4\nnew Float32Array([a]); // => [4]\n(await Promise.resolve(a)).toFixed(1); // => "4.0"';
    const checks = await run(code, { double: (x: number) => 2 * x });
    expect(checks).toEqual([
      { line: 3, actual: 4, expected: 4 },
      { line: 4, actual: [4], expected: [4] },
      { line: 5, actual: "4.0", expected: "4.0" },
    ]);
  });

  it("may import, span lines and declare a public name", async () => {
    const code = 'import { join as combine } from "node:path";\nconst x: number = 1;\n[\n  x,\n  2,\n]; // => [1, 3]';
    const compiled = compileExample(examplesOf("a.ts", file(code))[0]!);
    expect(compiled.imports).toEqual([{ module: "node:path", name: "join", as: "combine" }]);
    expect(await compiled.run({ x: 5 })).toEqual([{ line: 8, actual: [1, 2], expected: [1, 3] }]);
  });

  it("without a value has no checks", () => {
    expect(compileExample(examplesOf("a.ts", file("const a = 1;"))[0]!).checks).toBe(0);
  });
});

/** The names declared after the docstring that holds the example. */
function documentedName(file: string, line: number): string[] {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const end = lines.findIndex((text, i) => i >= line && text.includes("*/"));
  const name = /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|class|const) (\w+)/.exec(
    lines[end + 1] ?? "",
  )?.[1];
  return name ? [name] : [];
}
