/**
 * The worker's end of the protocol. It runs one call at a time, in order. A cancellation aborts the
 * call's signal.
 */
import { isRevqError } from "@revq/core";
import type { CallName, Calls, FromWorker, Problem, ToWorker } from "./messages.js";

export interface CallContext<Name extends CallName> {
  readonly signal: AbortSignal;
  /** Buffers in `transfer` move to the page. */
  emit(event: Calls[Name]["event"], transfer?: Transferable[]): void;
}

export type Handlers = {
  readonly [Name in CallName]: (
    request: Calls[Name]["request"],
    context: CallContext<Name>,
  ) => Promise<Calls[Name]["response"]>;
};

export interface ServerPort {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: { data: ToWorker }) => void): void;
}

export function serve(port: ServerPort, handlers: Handlers): void {
  const controllers = new Map<number, AbortController>();
  let queue: Promise<void> = Promise.resolve();
  port.addEventListener("message", ({ data }) => {
    if (data.kind === "cancel") {
      controllers.get(data.id)?.abort();
      return;
    }
    const { id, name, request } = data;
    const controller = new AbortController();
    controllers.set(id, controller);
    queue = queue.then(async () => {
      try {
        controller.signal.throwIfAborted();
        const handler = handlers[name] as (request: unknown, context: CallContext<CallName>) => Promise<unknown>;
        const response = await handler(request, {
          signal: controller.signal,
          emit: (event, transfer = []) => {
            if (!controller.signal.aborted) port.postMessage({ id, kind: "event", event }, transfer);
          },
        });
        port.postMessage({ id, kind: "response", response });
      } catch (error) {
        port.postMessage({ id, kind: "failure", problem: problemOf(error) });
      } finally {
        controllers.delete(id);
      }
    });
  });
}

/** Errors cross to the page as plain data. */
export function problemOf(error: unknown): Problem {
  if (isRevqError(error)) return { code: error.code, message: error.message, fix: error.fix ?? null };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "unexpected", message, fix: null };
}
