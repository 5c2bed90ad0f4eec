/**
 * Edits of tokens: set, zero, shuffle, randomize, reset. Every result is a list of valid ids, which
 * can be copied and shared.
 */
import { openedOf, type EditScope } from "../state.js";
import type { DecodedImage } from "@revq/tokenizer";
import type {
  Codebook,
  DecodeEvent,
  ImageMetrics,
  Slot,
  TokenizerDescription,
  TokenReport,
} from "../../protocol/messages.js";
import { isAbort, toProblem, type App } from "../app.js";
import { codeOfLeastNorm } from "../code-search.js";
import { takeSwapBack } from "./second-photo.js";
import { boxAround, tokenBoxes, type Box } from "../token-boxes.js";

/**
 * Shows these ids and decodes them. The rectified image comes at once, nearly and then exactly; the quantized one is decoded
 * when a view shows it (`wanted.ts`).
 */
export async function applyIds(app: App, slot: Slot, ids: Int32Array): Promise<void> {
  const before = openedOf(app.store.state, slot)?.encoded?.current;
  if (before && !sameIds(before, ids)) {
    app.store.setEncoded(slot, ({ history }) => ({ history: [...history, before].slice(-keptEdits) }));
  }
  await showEdited(app, slot, ids);
}

/** Undo goes back this many edits. */
const keptEdits = 100;

/** Takes the last edit back. */
export async function undoEdit(app: App, slot: Slot): Promise<void> {
  const encoded = openedOf(app.store.state, slot)?.encoded;
  const before = encoded?.history.at(-1);
  if (!before) return;
  app.store.setEncoded(slot, ({ history }) => ({ history: history.slice(0, -1) }));
  takeSwapBack(app, slot, before);
  await showEdited(app, slot, before);
}

async function showEdited(app: App, slot: Slot, ids: Int32Array): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, slot);
  if (!opened?.encoded) return;
  const signal = app.restart("decode", slot);
  const exact = opened.encoded.tokens?.ids;
  const changed = changedPlace(opened.description, opened.encoded.current, ids);
  if (exact && sameIds(exact, ids)) {
    store.setEncoded(slot, ({ tokens }) => ({ current: exact, report: tokens, edited: null, revealed: null, changed }));
    store.setOpened(slot, () => ({ decoding: false }));
    return;
  }
  app.stop("reveal", slot);
  store.setEncoded(slot, () => ({ current: ids, revealed: null }));
  if (opened.description.noImages) return;
  store.setOpened(slot, () => ({ decoding: true, problem: null }));
  try {
    const score = opened.encoded.image !== null;
    const show = (report: TokenReport, image: DecodedImage, metrics: ImageMetrics | null): void =>
      store.setEncoded(slot, () => ({ report, changed, edited: { rectified: { image, metrics } } }));
    const request = { slot, ids, stages: ["rectified"], score, preview: true } as const;
    const onEvent = ({ report, image }: DecodeEvent): void => show(report, image, null);
    const { images, report } = await app.call("decode", request, { signal, onEvent });
    show(report, images[0]!.image, images[0]!.metrics);
    store.setOpened(slot, () => ({ decoding: false }));
  } catch (error) {
    if (!isAbort(error)) store.setOpened(slot, () => ({ decoding: false, problem: toProblem(error) }));
  }
}

function changedPlace(description: TokenizerDescription, before: Int32Array | null, after: Int32Array): Box | null {
  if (before?.length !== after.length) return null;
  const changed = [...after.keys()].filter((token) => after[token] !== before[token]);
  return boxAround(tokenBoxes(description), changed);
}

export function sameIds(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, t) => id === b[t]);
}

function currentIds(app: App, slot: Slot): { ids: Int32Array; description: TokenizerDescription } | null {
  const opened = openedOf(app.store.state, slot);
  const current = opened?.encoded?.current;
  return current ? { ids: current.slice(), description: opened!.description } : null;
}

export async function setCode(app: App, slot: Slot, token: number, code: number): Promise<void> {
  const now = currentIds(app, slot);
  if (!now) return;
  now.ids[token] = code;
  await applyIds(app, slot, now.ids);
}

/** Back to the ids of the image. */
export async function resetIds(app: App, slot: Slot): Promise<void> {
  const exact = openedOf(app.store.state, slot)?.encoded?.tokens?.ids;
  if (exact) await applyIds(app, slot, exact);
}

export function tokensInScope(
  { layout: { groupOf } }: TokenizerDescription,
  scope: EditScope,
  token: number | null,
): number[] {
  const all = [...groupOf.keys()];
  if (scope === "all") return all;
  if (token === null) return [];
  return scope === "token" ? [token] : all.filter((other) => groupOf[other] === groupOf[token]);
}

export type Tool = "zero" | "shuffle" | "random";

/**
 * `zero`: the code nearest to the mean latent (0 after standardizing). `shuffle`: permutes the ids
 * of each group. `random`: any code of the group, all equally likely.
 */
export async function applyTool(app: App, slot: Slot, tool: Tool, random: () => number = Math.random): Promise<void> {
  const now = currentIds(app, slot);
  if (!now) return;
  const { scope, token } = app.store.state;
  const { ids, description } = now;
  const { codebookSizes, groupOf } = description.layout;
  const tokens = tokensInScope(description, scope, token);
  if (tool === "zero") {
    await zeroTokens(app, slot, ids, tokens);
  } else if (tool === "random") {
    for (const t of tokens) ids[t] = Math.floor(random() * codebookSizes[groupOf[t]!]!);
  } else {
    for (const group of new Set(tokens.map((t) => groupOf[t]!))) {
      shuffleAmong(
        ids,
        tokens.filter((t) => groupOf[t] === group),
        random,
      );
    }
  }
  await applyIds(app, slot, ids);
}

/** Puts the code nearest to the mean latent into these tokens of `ids`. */
export async function zeroTokens(app: App, slot: Slot, ids: Int32Array, tokens: readonly number[]): Promise<void> {
  const { groupOf } = openedOf(app.store.state, slot)!.description.layout;
  const zero = new Map<number, number>();
  for (const group of new Set(tokens.map((t) => groupOf[t]!))) {
    zero.set(group, codeOfLeastNorm(await codebookOf(app, slot, group)));
  }
  for (const t of tokens) ids[t] = zero.get(groupOf[t]!)!;
}

/** Fisher and Yates. */
function shuffleAmong(ids: Int32Array, tokens: readonly number[], random: () => number): void {
  for (let i = tokens.length - 1; i > 0; i--) {
    const [a, b] = [tokens[i]!, tokens[Math.floor(random() * (i + 1))]!];
    [ids[a], ids[b]] = [ids[b]!, ids[a]!];
  }
}

/** Number of codebooks that are kept. With one codebook per token there may be hundreds. */
const keptCodebooks = 64;

/** The codebook of a group. It is requested once and then kept. */
export async function codebookOf(app: App, slot: Slot, group: number, signal?: AbortSignal): Promise<Codebook> {
  const known = openedOf(app.store.state, slot)?.codebooks.get(group);
  if (known) return known;
  const codebook = await app.call("codebook", { slot, group }, signal ? { signal } : {});
  app.store.setOpened(slot, ({ codebooks }) => ({
    codebooks: new Map([...codebooks].slice(1 - keptCodebooks)).set(group, codebook),
  }));
  return codebook;
}
