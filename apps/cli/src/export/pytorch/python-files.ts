/**
 * The Python code of an export. Its parts are files in `apps/cli/python`; one file of those that a
 * tokenizer needs is written, so that a reader has a single module to copy.
 */
import { readFile } from "node:fs/promises";

const folder = new URL("../../../python/", import.meta.url);

/** Files that others import, before them. */
const required: Readonly<Record<string, readonly string[]>> = {
  vae_dc: ["layers"],
  rectifier_efficientvit: ["layers"],
  rectifier_cnn: ["layers"],
  rectifier_mlp: ["layers"],
};

/** @param parts names without ".py", in any order */
export async function tokenizerPython(parts: readonly string[]): Promise<string> {
  const all = ["network", ...parts.flatMap((part) => [...(required[part] ?? []), part])];
  const names = [...new Set(all)];
  const whole = splitPython(await pythonFile("tokenizer"));
  const pieces = await Promise.all(names.map(async (name) => splitPython(await pythonFile(name))));
  const imports = [...new Set([whole, ...pieces].flatMap(({ imports }) => imports))].filter(
    (line) => !names.includes(/^from (\w+) import/.exec(line)?.[1] ?? ""),
  );
  // As isort orders them: the standard library, then other packages; `import` before `from`.
  const isStandard = (line: string): boolean => /^import (json|math)$|^from pathlib /.test(line);
  const block = (lines: readonly string[]): string =>
    [...lines]
      .sort((a, b) => Number(a.startsWith("from")) - Number(b.startsWith("from")) || (a < b ? -1 : 1))
      .join("\n");
  const own = [block(imports.filter(isStandard)), block(imports.filter((line) => !isStandard(line)))];
  const chapters = pieces.map(({ title, body }) => `# ${title.replaceAll("\n", "\n# ")}\n\n\n${body}`);
  const head = `"""${whole.title}"""\n\n${own.join("\n\n")}\n`;
  return [head, ...chapters, whole.body].join("\n\n");
}

export async function pythonFile(name: string): Promise<string> {
  return readFile(new URL(`${name}.py`, folder), "utf8");
}

/** A module's docstring, its import lines, and the rest. */
function splitPython(text: string): { title: string; imports: readonly string[]; body: string } {
  const [, title, rest] = /^"""(.*?)"""\n(.*)$/s.exec(text)!;
  const lines = rest!.split("\n");
  const first = lines.findIndex((line) => line !== "" && !/^(import|from) /.test(line));
  const imports = lines.slice(0, first).filter((line) => line !== "");
  return { title: title!, imports, body: lines.slice(first).join("\n") };
}
