/** Long loops on the main thread let timers, progress bars and Ctrl-C through. */

const scope = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Resolves after the event loop has turned once (a resolved promise would not turn it). */
export function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (scope.setImmediate) scope.setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/** A function to await in a loop: it checks `signal` and turns the event loop when `everyMs` have passed since the last time. */
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
