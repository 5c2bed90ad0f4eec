/** Code out of documents, so that what they say is what is tested. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface CodeBlock {
  readonly language: string;
  /** What stands after the language: a file's name. */
  readonly title: string;
  readonly code: string;
}

/** Every fenced block of a document of this repository, in order. @param path relative to its root */
export function codeBlocks(path: string): CodeBlock[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language, title = "", code]) => ({
    language: language!,
    title,
    code: code!,
  }));
}

/** The commands of a shell block, without remarks. */
export function commandsOf(block: CodeBlock): string[] {
  return block.code
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter(Boolean);
}
