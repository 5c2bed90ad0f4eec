/**
 * Finds a key that occurs twice in a JSON object. `JSON.parse` keeps the last one in silence; the safetensors format forbids
 * duplicates, since two readers may take different ones.
 */

/** `text` is JSON that `JSON.parse` accepted. Returns the first key that an object at any depth has twice. */
export function duplicateKey(text: string): string | undefined {
  const stack: (Set<string> | null)[] = []; // null: an array
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gsu;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found, colon] = match;
    if (found === "{") stack.push(new Set());
    else if (found === "[") stack.push(null);
    else if (found === "}" || found === "]") stack.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(found.slice(0, found.length - colon.length)) as string;
      const keys = stack.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
