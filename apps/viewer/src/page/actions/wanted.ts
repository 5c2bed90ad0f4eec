/**
 * What a view needs and the worker computes. A view asks while it draws; the work starts a moment
 * later if it is still wanted, and only the last request of a kind runs.
 */
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { openedOf } from "../state.js";
import { codebookOf } from "./edits.js";

const wantedLongEnough = 80;

/** By task: what is wanted at the moment. */
const wanted = new Map<string, string>();

function want(
  app: App,
  task: "codebook" | "maps" | "stage",
  slot: Slot,
  key: string,
  work: (signal: AbortSignal) => Promise<unknown>,
): void {
  const place = `${task} ${slot}`;
  if (wanted.get(place) === key) return;
  wanted.set(place, key);
  const signal = app.restart(task, slot);
  const done = (): void => {
    if (wanted.get(place) === key) wanted.delete(place);
  };
  setTimeout(() => {
    if (signal.aborted) return done();
    work(signal)
      .catch((error: unknown) => app.report(error))
      .finally(done);
  }, wantedLongEnough);
}

export function wantCodebook(app: App, slot: Slot, group: number): void {
  want(app, "codebook", slot, `${group}`, (signal) => codebookOf(app, slot, group, signal));
}

const numbers = new WeakMap<Int32Array, string>();
let nextNumber = 0;

/** Every list of ids has its own. */
function keyOf(ids: Int32Array): string {
  if (!numbers.has(ids)) numbers.set(ids, String(nextNumber++));
  return numbers.get(ids)!;
}

/** Pictures of these groups for the current ids. */
export function wantGroupMaps(app: App, slot: Slot, groups: readonly number[]): void {
  const current = openedOf(app.store.state, slot)?.encoded?.current;
  if (!current) return;
  want(app, "maps", slot, `${keyOf(current)} ${groups.join()}`, async (signal) => {
    const pictures = await app.call("maps", { slot, ids: current, groups }, { signal });
    const images = new Map(groups.map((group, i) => [group, pictures[i]!]));
    app.store.setEncoded(slot, (encoded) =>
      encoded.current === current ? { groupMaps: { ids: current, images } } : {},
    );
  });
}

/** The image of the quantized latents, which the page decodes only where it is looked at. */
export function wantQuantized(app: App, slot: Slot): void {
  const opened = openedOf(app.store.state, slot);
  const current = opened?.encoded?.current;
  if (!current || opened.busy || opened.decoding || opened.description.noImages) return;
  const { image, tokens } = opened.encoded!;
  const edited = current !== tokens?.ids;
  if ((edited ? opened.encoded!.edited : opened.encoded!.stages)?.quantized) return;
  want(app, "stage", slot, keyOf(current), async (signal) => {
    const request = { slot, ids: current, stages: ["quantized"], score: image !== null } as const;
    const { images } = await app.call("decode", request, { signal });
    const quantized = { image: images[0]!.image, metrics: images[0]!.metrics };
    app.store.setEncoded(slot, (encoded) => {
      if (encoded.current !== current) return {};
      return edited ? { edited: { ...encoded.edited, quantized } } : { stages: { ...encoded.stages, quantized } };
    });
  });
}
