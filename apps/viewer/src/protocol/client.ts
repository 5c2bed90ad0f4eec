/** The page's end of the protocol: calls as promises. */
import { RevqError } from "@revq/core";
import type { CallName, Calls, FromWorker, ToWorker } from "./messages.js";

export interface CallOptions<Name extends CallName> {
  /** Aborting cancels the call in the worker and rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Calls[Name]["event"]) => void;
}

export type Call = <Name extends CallName>(
  name: Name,
  request: Calls[Name]["request"],
  options?: CallOptions<Name>,
) => Promise<Calls[Name]["response"]>;

interface Pending {
  readonly onEvent: (event: never) => void;
  readonly resolve: (response: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** What of `Worker` is needed: a test may give one end of a `MessageChannel`. */
export interface Port {
  postMessage(message: ToWorker): void;
  addEventListener(type: "message", listener: (event: { data: FromWorker }) => void): void;
}

/** A failure becomes a `RevqError` with the worker's code, message and fix. */
export function createClient(port: Port): Call {
  const pending = new Map<number, Pending>();
  let next = 1;
  port.addEventListener("message", ({ data }) => {
    const call = pending.get(data.id);
    if (!call) return;
    if (data.kind === "event") return call.onEvent(data.event as never);
    pending.delete(data.id);
    if (data.kind === "response") return call.resolve(data.response as never);
    const { code, message, fix } = data.problem;
    call.reject(new RevqError(code, message, fix === null ? {} : { fix }));
  });
  return (name, request, { signal, onEvent = () => {} } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const id = next++;
      pending.set(id, { onEvent: onEvent as Pending["onEvent"], resolve: resolve as Pending["resolve"], reject });
      signal?.addEventListener(
        "abort",
        () => {
          if (!pending.delete(id)) return;
          port.postMessage({ id, kind: "cancel" });
          reject(signal.reason);
        },
        { once: true },
      );
      port.postMessage({ id, kind: "call", name, request });
    });
}
