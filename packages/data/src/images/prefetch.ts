/**
 * Ordered asynchronous mapping with a bounded look-ahead: work overlaps with the use of earlier
 * results.
 */

export interface PrefetchOptions {
  /** Number of calls of `work` that run at once. */
  readonly concurrency: number;
  /**
   * Number of results that may be finished or in progress before they are needed; at least
   * `concurrency`.
   */
  readonly ahead: number;
}

/**
 * Yields `work(0)` to `work(count - 1)` in that order. When the consumer stops, no further work starts.
 */
export async function* mapOrdered<Result>(
  count: number,
  work: (index: number) => Promise<Result>,
  { concurrency, ahead }: PrefetchOptions,
): AsyncGenerator<Result, void, undefined> {
  const queue: Promise<Result>[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;
  let stopped = false;
  let next = 0;

  async function start(index: number): Promise<Result> {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      if (stopped) throw new Error("stopped");
      return await work(index);
    } finally {
      const waiter = waiting.shift();
      if (waiter) waiter();
      else running--;
    }
  }

  try {
    for (;;) {
      while (next < count && queue.length < ahead) {
        const result = start(next++);
        result.catch(() => {}); // The error is thrown where the result is awaited.
        queue.push(result);
      }
      const first = queue.shift();
      if (!first) return;
      yield await first;
    }
  } finally {
    stopped = true;
  }
}
