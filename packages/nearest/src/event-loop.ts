/** Breaks in long loops on the main thread, for timers, progress bars and Ctrl-C. */

const scope = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Resolves after one turn of the event loop. (Awaiting a resolved promise does not turn it.) */
export function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (scope.setImmediate) scope.setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/** A function to await in a loop. It checks `signal` and turns the event loop once in `everyMs`. */
export function createYielder(signal?: AbortSignal, everyMs = 20): () => Promise<void> {
  let last = performance.now();
  return async () => {
    signal?.throwIfAborted();
    if (performance.now() - last < everyMs) return;
    await turnEventLoop();
    last = performance.now();
    signal?.throwIfAborted();
  };
}
