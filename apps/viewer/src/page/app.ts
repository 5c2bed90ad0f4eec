/**
 * The context of all actions: the store, the worker, and one signal per task and slot. A newer task
 * aborts the older one.
 */
import type { Call } from "../protocol/client.js";
import type { Problem, Slot } from "../protocol/messages.js";
import { problemOf } from "../protocol/server.js";
import { Store, type Notice } from "./state.js";

/** At the same time; the oldest make room. */
const shownNotices = 3;

/** Tasks that a newer one of the same name aborts. */
export const tasks = ["load", "encode", "decode", "count", "codebook", "maps", "stage", "reveal", "brush"] as const;
export type Task = (typeof tasks)[number];

export class App {
  readonly store = new Store();
  private readonly controllers = new Map<string, AbortController>();

  constructor(readonly call: Call) {}

  /** Aborts the running task of this name and returns the signal of the new one. */
  restart(task: Task, slot: Slot): AbortSignal {
    this.stop(task, slot);
    const controller = new AbortController();
    this.controllers.set(`${task} ${slot}`, controller);
    return controller.signal;
  }

  stop(task: Task, slot: Slot): void {
    this.controllers.get(`${task} ${slot}`)?.abort(new DOMException("Superseded.", "AbortError"));
    this.controllers.delete(`${task} ${slot}`);
  }

  /** Aborts all tasks of a tokenizer. */
  stopAll(slot: Slot): void {
    for (const task of tasks) this.stop(task, slot);
  }

  notice(text: string, kind: "info" | "error" = "info"): void {
    const notice: Notice = { text, kind };
    this.store.set(({ notices }) => ({
      notices: [...notices.filter((other) => other.text !== text), notice].slice(-shownNotices),
    }));
    // An error stays until it is dismissed.
    if (kind === "info") setTimeout(() => this.dismiss(notice), 4000);
  }

  dismiss(notice: Notice): void {
    this.store.set(({ notices }) => ({ notices: notices.filter((other) => other !== notice) }));
  }

  /** Shows an error that has no place of its own on the page. Superseded work is no error. */
  report(error: unknown): void {
    if (isAbort(error)) return;
    // Above an open dialog nothing else can be seen.
    if (this.store.state.dialog !== null) return this.store.set({ dialogProblem: problemOf(error) });
    const { message, fix } = problemOf(error);
    this.notice(fix ? `${message} ${fix}` : message, "error");
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function toProblem(error: unknown): Problem {
  return problemOf(error);
}

/** The address keeps image and edits, so that a reload restores them. */
export function lostDevice(reason: string): Problem {
  return {
    code: "device-lost",
    message: `The browser has lost the GPU device${reason ? `: ${reason.replace(/\.$/, "")}` : ""}.`,
    fix: "Reload the page; image and edits come back. If it happens again, compute with WebAssembly.",
  };
}
