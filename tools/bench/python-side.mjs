/** The Python half of a benchmark: a process that answers lines of JSON. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** @param {string} script in this folder; PYTHON names the interpreter (default: python3) */
export async function startPython(script, args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.env.PYTHON ?? "python3", [path, ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  async function answer() {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended without an answer`);
    return JSON.parse(value);
  }
  return {
    about: await answer(),
    ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return answer();
    },
    end: () => child.stdin.end(),
  };
}

export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
