/** Shows what the first tokens of an image say; plays from none to all. */
import type { Slot } from "../../protocol/messages.js";
import { isAbort, toProblem, type App } from "../app.js";
import { vectorOf } from "../code-search.js";
import { hiddenAfter, orderByGroup, orderByWeight, playedCounts, type RevealOrder } from "../reveal.js";
import { openedOf, type Revealed } from "../state.js";
import { codebookOf } from "./edits.js";

const frames = 24;

export async function startReveal(app: App, slot: Slot, by: RevealOrder): Promise<void> {
  const opened = openedOf(app.store.state, slot);
  if (!opened?.encoded?.current) return;
  const { groupOf } = opened.description.layout;
  const order = by === "group" ? orderByGroup(groupOf) : orderByWeight(await weightsOf(app, slot));
  app.store.setEncoded(slot, () => ({
    revealed: { by, order, count: order.length, playing: false, frames: [], shown: null },
  }));
  await revealTo(app, slot, order.length);
}

export function endReveal(app: App, slot: Slot): void {
  app.stop("reveal", slot);
  app.store.setEncoded(slot, () => ({ revealed: null }));
}

/** The first `count` tokens. @returns false if something newer took its place */
export async function revealTo(app: App, slot: Slot, count: number, playing = false): Promise<boolean> {
  const { store } = app;
  const encoded = openedOf(store.state, slot)?.encoded;
  if (!encoded?.revealed || !encoded.current) return false;
  const signal = app.restart("reveal", slot);
  const change = (part: Partial<Revealed>): void =>
    store.setEncoded(slot, ({ revealed }) => ({ revealed: revealed && { ...revealed, ...part } }));
  change({ count, playing });
  try {
    const hidden = hiddenAfter(encoded.revealed.order, count);
    const score = encoded.image !== null;
    const request = { slot, ids: encoded.current, stages: ["rectified"], hidden, score } as const;
    const { images, report } = await app.call("decode", request, { signal });
    const { image, metrics } = images[0]!;
    change({ shown: { image, metrics, map: report.map, count } });
    return true;
  } catch (error) {
    if (!isAbort(error)) store.setOpened(slot, () => ({ problem: toProblem(error) }));
    return false;
  }
}

/** From none to all; the images are kept for a film. */
export async function playReveal(app: App, slot: Slot): Promise<void> {
  const tokens = openedOf(app.store.state, slot)?.encoded?.revealed?.order.length ?? 0;
  app.store.setEncoded(slot, ({ revealed }) => ({ revealed: revealed && { ...revealed, frames: [] } }));
  for (const count of playedCounts(tokens, frames)) {
    if (!(await revealTo(app, slot, count, true))) return;
    app.store.setEncoded(slot, ({ revealed }) => {
      if (!revealed?.shown) return {};
      return { revealed: { ...revealed, frames: [...revealed.frames, revealed.shown.image] } };
    });
  }
  app.store.setEncoded(slot, ({ revealed }) => ({ revealed: revealed && { ...revealed, playing: false } }));
}

export function pauseReveal(app: App, slot: Slot): void {
  app.stop("reveal", slot);
  app.store.setEncoded(slot, ({ revealed }) => ({ revealed: revealed && { ...revealed, playing: false } }));
}

/** The squared distance of every token's code from the mean of its codebook, `[T]`. */
async function weightsOf(app: App, slot: Slot): Promise<Float32Array> {
  const { description, encoded } = openedOf(app.store.state, slot)!;
  const { groupOf, codebookSizes } = description.layout;
  const weights = new Float32Array(groupOf.length);
  for (let group = 0; group < codebookSizes.length; group++) {
    const codebook = await codebookOf(app, slot, group);
    const { dim, vectors } = codebook;
    const mean = new Float64Array(dim);
    vectors.forEach((value, i) => (mean[i % dim]! += value / codebookSizes[group]!));
    groupOf.forEach((own, token) => {
      if (own !== group) return;
      vectorOf(codebook, encoded!.current![token]!).forEach((value, i) => (weights[token]! += (value - mean[i]!) ** 2));
    });
  }
  return weights;
}
