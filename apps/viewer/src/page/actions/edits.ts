/** Editing tokens: another code, zeroed, shuffled, random; and back. Every edit is a list of valid codes, so it can be copied and shared. */
import { openedOf, type EditScope } from "../state.js";
import type { Codebook, Slot, TokenizerDescription } from "../../protocol/messages.js";
import { isAbort, toProblem, type App } from "../app.js";
import { codeOfLeastNorm } from "../code-search.js";

/** Shows what these codes decode to: the rectified picture first, then the quantized one. */
export async function applyCodes(app: App, slot: Slot, codes: Int32Array): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, slot);
  if (!opened?.encoded) return;
  const signal = app.restart("decode", slot);
  const exact = opened.encoded.codes?.codes;
  if (exact && sameCodes(exact, codes)) {
    store.setEncoded(slot, () => ({ current: exact, edited: null }));
    return;
  }
  store.setEncoded(slot, () => ({ current: codes }));
  if (opened.description.noImages) return;
  try {
    for (const station of ["rectified", "quantized"] as const) {
      const { pictures } = await app.call(
        "decode",
        { slot, codes, stations: [station], score: opened.encoded.image !== null },
        { signal },
      );
      const { picture, quality } = pictures[0]!;
      store.setEncoded(slot, ({ edited }) => ({ edited: { ...edited, [station]: { picture, quality } } }));
    }
  } catch (error) {
    if (!isAbort(error)) store.setOpened(slot, () => ({ problem: toProblem(error) }));
  }
}

export function sameCodes(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((code, t) => code === b[t]);
}

function currentCodes(app: App, slot: Slot): { codes: Int32Array; description: TokenizerDescription } | null {
  const opened = openedOf(app.store.state, slot);
  const current = opened?.encoded?.current;
  return current ? { codes: current.slice(), description: opened!.description } : null;
}

export async function setCode(app: App, slot: Slot, token: number, code: number): Promise<void> {
  const now = currentCodes(app, slot);
  if (!now) return;
  now.codes[token] = code;
  await applyCodes(app, slot, now.codes);
}

/** Back to the codes of the image. */
export async function resetCodes(app: App, slot: Slot): Promise<void> {
  const exact = openedOf(app.store.state, slot)?.encoded?.codes?.codes;
  if (exact) await applyCodes(app, slot, exact);
}

export function tokensInScope({ groupOf }: TokenizerDescription, scope: EditScope, token: number | null): number[] {
  const all = [...groupOf.keys()];
  if (scope === "all") return all;
  if (token === null) return [];
  return scope === "token" ? [token] : all.filter((other) => groupOf[other] === groupOf[token]);
}

export type Tool = "zero" | "shuffle" | "random";

/**
 * `zero`: the code nearest the mean of the data (the origin of the standardized latent). `shuffle`: the same codes on other tokens
 * of their group. `random`: any code of the group, all equally likely.
 */
export async function applyTool(app: App, slot: Slot, tool: Tool, random: () => number = Math.random): Promise<void> {
  const now = currentCodes(app, slot);
  if (!now) return;
  const { scope, token } = app.store.state;
  const { codes, description } = now;
  const tokens = tokensInScope(description, scope, token);
  if (tool === "zero") {
    const zero = new Map<number, number>();
    for (const group of new Set(tokens.map((t) => description.groupOf[t]!))) {
      zero.set(group, codeOfLeastNorm(await codebookOf(app, slot, group)));
    }
    for (const t of tokens) codes[t] = zero.get(description.groupOf[t]!)!;
  } else if (tool === "random") {
    for (const t of tokens) codes[t] = Math.floor(random() * description.codes[description.groupOf[t]!]!);
  } else {
    for (const group of new Set(tokens.map((t) => description.groupOf[t]!))) {
      shuffleAmong(
        codes,
        tokens.filter((t) => description.groupOf[t] === group),
        random,
      );
    }
  }
  await applyCodes(app, slot, codes);
}

/** Fisher and Yates. */
function shuffleAmong(codes: Int32Array, tokens: readonly number[], random: () => number): void {
  for (let i = tokens.length - 1; i > 0; i--) {
    const [a, b] = [tokens[i]!, tokens[Math.floor(random() * (i + 1))]!];
    [codes[a], codes[b]] = [codes[b]!, codes[a]!];
  }
}

/** Codebooks are kept for so many groups: those of one token each may be hundreds. */
const keptCodebooks = 64;

/** Of this group; asked for once, then kept. */
export async function codebookOf(app: App, slot: Slot, group: number, signal?: AbortSignal): Promise<Codebook> {
  const known = openedOf(app.store.state, slot)?.codebooks.get(group);
  if (known) return known;
  const codebook = await app.call("codebook", { slot, group }, signal ? { signal } : {});
  app.store.setOpened(slot, ({ codebooks }) => ({
    codebooks: new Map([...codebooks].slice(1 - keptCodebooks)).set(group, codebook),
  }));
  return codebook;
}

const pointedLongEnough = 80;
let wanted: { readonly slot: Slot; readonly group: number } | undefined;

/** For views that lack it: fetched when it is still wanted a moment later. Only the last one wanted is under way. */
export function wantCodebook(app: App, slot: Slot, group: number): void {
  if (wanted?.slot === slot && wanted.group === group) return;
  const want = { slot, group };
  wanted = want;
  const signal = app.restart("codebook", slot);
  setTimeout(() => {
    if (signal.aborted) {
      if (wanted === want) wanted = undefined;
      return;
    }
    codebookOf(app, slot, group, signal)
      .catch((error: unknown) => app.report(error))
      .finally(() => {
        if (wanted === want) wanted = undefined;
      });
  }, pointedLongEnough);
}
