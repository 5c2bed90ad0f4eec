/**
 * Finds the `@example` blocks of docstrings and compiles each to a function that checks its values.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export interface DocstringExample {
  /** Path relative to the root of the repository. */
  readonly file: string;
  /** The line of `@example`, from 1. */
  readonly line: number;
  readonly code: string;
}

/** One `expression; // => value` of an example. */
export interface ExampleCheck {
  readonly line: number;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Every example in the sources of `packages` and `plugins`. */
export function findExamples(root: string): DocstringExample[] {
  const found: DocstringExample[] = [];
  for (const folder of ["packages", "plugins"]) {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const sources = join(folder, name, "src");
      for (const path of listSources(join(root, sources))) {
        const file = join(sources, path);
        found.push(...examplesOf(file, readFileSync(join(root, file), "utf8")));
      }
    }
  }
  return found;
}

function listSources(folder: string): string[] {
  try {
    const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return paths.filter((path) => /\.m?ts$/.test(path) && !path.endsWith(".d.ts")).sort();
  } catch {
    return []; // a package without sources
  }
}

/**
 * The examples of one file: the lines of a docstring from `@example` to the next tag or its end.
 */
export function examplesOf(file: string, text: string): DocstringExample[] {
  const examples: DocstringExample[] = [];
  let open: { line: number; lines: string[] } | undefined;
  const close = (): void => {
    if (open) examples.push({ file, line: open.line, code: open.lines.join("\n").trimEnd() });
    open = undefined;
  };
  text.split("\n").forEach((line, i) => {
    const body = /^\s*\* ?(?!\/)(.*)$/.exec(line)?.[1];
    if (body === undefined || /^\s*@\w+/.test(body)) close();
    if (body?.trim() === "@example") open = { line: i + 1, lines: [] };
    else if (body !== undefined) open?.lines.push(body);
  });
  close();
  return examples;
}

interface Import {
  readonly module: string;
  /** The exported name, or `*` for the module itself. */
  readonly name: string;
  readonly as: string;
}

export interface CompiledExample {
  readonly imports: readonly Import[];
  readonly checks: number;
  /**
   * Runs the example.
   *
   * @param names the values of imported and implicit names
   */
  run(names: Readonly<Record<string, unknown>>): Promise<ExampleCheck[]>;
}

type AsyncFunction = (...args: unknown[]) => Promise<unknown>;
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (...args: string[]) => AsyncFunction;

/**
 * Compiles an example. Throws if a `// =>` does not follow an expression or a declared constant.
 */
export function compileExample({ file, line, code }: DocstringExample): CompiledExample {
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  const lines: string[] = [];
  let checks = 0;
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      imports.push(...importsOf(statement));
      continue;
    }
    const text = statement.getText();
    const at = source.getLineAndCharacterOfPosition(statement.getEnd()).line;
    const expected = /\/\/ => (.*)$/.exec(code.split("\n")[at]!)?.[1];
    if (expected === undefined) {
      lines.push(text);
      continue;
    }
    checks++;
    const where = line + 1 + at;
    if (ts.isExpressionStatement(statement)) {
      lines.push(`__check(${where}, (${statement.expression.getText()}), (${expected}));`);
    } else if (ts.isVariableStatement(statement) && statement.declarationList.declarations.length === 1) {
      const { name } = statement.declarationList.declarations[0]!;
      lines.push(text, `__check(${where}, ${name.getText()}, (${expected}));`);
    } else throw new Error(`${file}:${where}: \`// =>\` must follow an expression or a declaration.`);
  }
  // A function around it, for `await`; as a block, so that an example may declare a public name.
  const wrapped = `async function example() {{\n${lines.join("\n")}\n}}`;
  const { outputText } = ts.transpileModule(wrapped, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return {
    imports,
    checks,
    async run(names) {
      const results: ExampleCheck[] = [];
      const check = (line: number, actual: unknown, expected: unknown): void =>
        void results.push({ line, actual: plain(actual), expected });
      const example = new AsyncFunction("__check", ...Object.keys(names), `${outputText}\nawait example();`);
      await example(check, ...Object.values(names));
      return results;
    },
  };
}

function importsOf(statement: ts.ImportDeclaration): Import[] {
  const module = (statement.moduleSpecifier as ts.StringLiteral).text;
  const clause = statement.importClause;
  if (!clause) return [{ module, name: "*", as: "" }];
  if (clause.isTypeOnly) return [];
  const imports: Import[] = clause.name ? [{ module, name: "default", as: clause.name.text }] : [];
  const bindings = clause.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) imports.push({ module, name: "*", as: bindings.name.text });
  else if (bindings && ts.isNamedImports(bindings)) {
    for (const { name, propertyName, isTypeOnly } of bindings.elements) {
      if (!isTypeOnly) imports.push({ module, name: propertyName?.text ?? name.text, as: name.text });
    }
  }
  return imports;
}

/** Typed arrays as arrays, at any depth of plain objects. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float32Array);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
  }
  return value;
}
