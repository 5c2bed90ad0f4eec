/**
 * Which tokens decide which elements, from a few trials instead of one a token. First, trials that change
 * every token with a 0, or with a 1, at one bit of its number: an element that only one of the two changes
 * belongs to tokens with that bit. Then tokens that cannot share an element are changed together.
 */

/** Elements that the same tokens may decide. */
interface Cell {
  readonly tokens: readonly number[];
  readonly elements: number[];
}

/**
 * @param count tokens
 * @param run a set of tokens -> all elements while these are changed, by set
 * @returns the elements that each token decides, by token; in their order
 */
export async function decidedBy(
  count: number,
  run: (sets: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>,
): Promise<number[][]> {
  const bits = Math.max(1, 32 - Math.clz32(count - 1));
  const tokens = Array.from({ length: count }, (_, token) => token);
  const halves = Array.from({ length: 2 * bits }, (_, i) =>
    tokens.filter((token) => ((token >> (i >> 1)) & 1) === (i & 1)),
  );
  const [base, ...probed] = await run([[], ...halves]);
  const cells = cellsOf(base!, probed, bits, count);
  const together = togetherOf(cells, count);
  const tried = await run(together.map((set) => [...set.keys()]));
  const decided = tokens.map((): number[] => []);
  together.forEach((set, row) => {
    const values = tried[row]!;
    for (const [token, own] of set) {
      for (const { elements } of own) {
        for (const at of elements) if (values[at] !== base![at]) decided[token]!.push(at);
      }
      if (own.length > 1) decided[token]!.sort((a, b) => a - b);
    }
  });
  return decided;
}

/** @param probed by bit: elements while the tokens with a 0 there are changed, then those with a 1 */
function cellsOf(base: Float32Array, probed: readonly Float32Array[], bits: number, count: number): Cell[] {
  const cells = new Map<number, Cell>();
  for (let at = 0; at < base.length; at++) {
    let [zeros, ones] = [0, 0];
    for (let bit = 0; bit < bits; bit++) {
      if (probed[2 * bit]![at] !== base[at]) zeros |= 1 << bit;
      if (probed[2 * bit + 1]![at] !== base[at]) ones |= 1 << bit;
    }
    if ((zeros | ones) === 0) continue;
    // A bit that both sides change says nothing of the tokens.
    const known = zeros ^ ones;
    const value = ones & known;
    const key = known * 2 ** bits + value;
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { tokens: tokensWith(known, value, bits, count), elements: [] }));
    cell.elements.push(at);
  }
  return [...cells.values()];
}

/** Tokens whose bits are `value` where `known` has ones. */
function tokensWith(known: number, value: number, bits: number, count: number): number[] {
  const free = ((1 << bits) - 1) & ~known;
  const tokens: number[] = [];
  for (let part = free; ; part = (part - 1) & free) {
    if ((value | part) < count) tokens.push(value | part);
    if (part === 0) return tokens;
  }
}

/** Tokens, with their cells, in sets: within a set no two have a cell in common. */
function togetherOf(cells: readonly Cell[], count: number): Map<number, readonly Cell[]>[] {
  const ofToken = Array.from({ length: count }, (): Cell[] => []);
  for (const cell of cells) for (const token of cell.tokens) ofToken[token]!.push(cell);
  const sets: { readonly taken: Set<Cell>; readonly tokens: Map<number, readonly Cell[]> }[] = [];
  ofToken.forEach((own, token) => {
    if (own.length === 0) return;
    let set = sets.find(({ taken }) => !own.some((cell) => taken.has(cell)));
    if (!set) sets.push((set = { taken: new Set(), tokens: new Map() }));
    set.tokens.set(token, own);
    for (const cell of own) set.taken.add(cell);
  });
  return sets.map(({ tokens }) => tokens);
}
