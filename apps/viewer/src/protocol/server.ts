/**
 * The worker's end of the protocol. It runs one call at a time, in order; a long call lets small ones
 * (a codebook, a map, the memory) run between its steps. Reading ahead runs beside any call. A cancellation
 * aborts the call's signal.
 */
import { isRevqError } from "@revq/core";
import type { CallName, Calls, FromWorker, Problem, ToWorker } from "./messages.js";

export interface CallContext<Name extends CallName> {
  readonly signal: AbortSignal;
  /** Buffers in `transfer` move to the page. */
  emit(event: Calls[Name]["event"], transfer?: Transferable[]): void;
  /** Runs the small calls that wait. A long call awaits it between its steps. */
  rest(): Promise<void>;
}

/** Calls that are short and change nothing that another call uses. */
const small: ReadonlySet<CallName> = new Set(["codebook", "maps", "memory"]);

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
  const waiting: { readonly name: CallName; readonly run: () => Promise<void> }[] = [];
  let running = false;
  const work = async (): Promise<void> => {
    if (running) return;
    running = true;
    for (let next = waiting.shift(); next; next = waiting.shift()) await next.run();
    running = false;
  };
  const rest = async (): Promise<void> => {
    // A turn of the event loop: messages that have arrived are delivered.
    await new Promise((resolve) => setTimeout(resolve));
    for (let at = waiting.findIndex(({ name }) => small.has(name)); at >= 0;) {
      await waiting.splice(at, 1)[0]!.run();
      at = waiting.findIndex(({ name }) => small.has(name));
    }
  };
  port.addEventListener("message", ({ data }) => {
    if (data.kind === "cancel") {
      controllers.get(data.id)?.abort();
      return;
    }
    const { id, name, request } = data;
    const controller = new AbortController();
    controllers.set(id, controller);
    const run = async (): Promise<void> => {
      try {
        controller.signal.throwIfAborted();
        const handler = handlers[name] as (request: unknown, context: CallContext<CallName>) => Promise<unknown>;
        const response = await handler(request, {
          signal: controller.signal,
          rest: small.has(name) ? async () => {} : rest,
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
    };
    if (name === "ahead") return void run();
    waiting.push({ name, run });
    void work();
  });
}

/** Errors cross to the page as plain data. */
export function problemOf(error: unknown): Problem {
  if (isRevqError(error)) return { code: error.code, message: error.message, fix: error.fix ?? null };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "unexpected", message, fix: null };
}
