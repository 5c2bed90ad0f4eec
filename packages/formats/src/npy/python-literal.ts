/**
 * Parses the part of Python's literal syntax that npy headers use: dicts, tuples, lists, strings,
 * True, False, None and integers. Anything else is refused.
 */
export type PythonLiteral = string | number | boolean | null | PythonLiteral[] | Map<string, PythonLiteral>;

const maxDepth = 16;

/** Tuples and lists become arrays. Undefined when the text is not such a literal. */
export function parsePythonLiteral(text: string): PythonLiteral | undefined {
  const tokens = tokenize(text);
  if (!tokens) return undefined;
  let position = 0;
  let failed = false;
  const peek = (): string | undefined => tokens[position];

  const sequence = (close: string, depth: number): PythonLiteral[] => {
    const items: PythonLiteral[] = [];
    while (!failed && peek() !== close) {
      items.push(parse(depth + 1));
      if (peek() === ",") position++;
      else if (peek() !== close) failed = true;
    }
    position++;
    return items;
  };
  const dict = (depth: number): Map<string, PythonLiteral> => {
    const entries = new Map<string, PythonLiteral>();
    while (!failed && peek() !== "}") {
      const key = parse(depth + 1);
      if (typeof key !== "string" || entries.has(key) || tokens[position++] !== ":") failed = true;
      else entries.set(key, parse(depth + 1));
      if (peek() === ",") position++;
      else if (peek() !== "}") failed = true;
    }
    position++;
    return entries;
  };
  const parse = (depth: number): PythonLiteral => {
    const token = tokens[position++];
    if (token === undefined || depth > maxDepth) failed = true;
    else if (token === "{") return dict(depth);
    else if (token === "(") {
      const items = sequence(")", depth);
      // A single item without a comma is not a tuple.
      return items.length === 1 && tokens[position - 2] !== "," ? items[0]! : items;
    } else if (token === "[") return sequence("]", depth);
    else if (token === "True" || token === "False") return token === "True";
    else if (token === "None") return null;
    else if (token[0] === "'" || token[0] === '"') return token.slice(1, -1);
    else if (/^-?\d/.test(token))
      return Number(token.replace(/L$/, "")); // Python 2 wrote 3L
    else failed = true;
    return null;
  };

  const value = parse(0);
  return failed || position !== tokens.length ? undefined : value;
}

/**
 * Undefined when a character belongs to no token. Strings have no escapes: names of dtypes need
 * none.
 */
function tokenize(text: string): string[] | undefined {
  const tokens: string[] = [];
  const token = /\s*(?:([{}()[\],:]|'[^'\\]*'|"[^"\\]*"|-?\d+L?|True|False|None)|$)/y;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    if (match[1] === undefined) break;
    tokens.push(match[1]);
  }
  return tokens;
}
