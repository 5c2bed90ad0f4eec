/**
 * Finds a key that occurs twice in a JSON object. `JSON.parse` silently keeps the last one. The
 * safetensors format forbids duplicates, since two readers may take different ones.
 */

/**
 * The first key that an object at any depth has twice.
 * @param text JSON that `JSON.parse` accepted
 */
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
