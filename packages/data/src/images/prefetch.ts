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
 * Yields `work(item)` in the order of the items. When the consumer stops, no further work starts.
 */
export async function* mapOrdered<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  { concurrency, ahead }: PrefetchOptions,
): AsyncGenerator<Result, void, undefined> {
  const queue: Promise<Result>[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;
  let stopped = false;
  let next = 0;

  async function start(item: Item): Promise<Result> {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      if (stopped) throw new Error("stopped");
      return await work(item);
    } finally {
      const waiter = waiting.shift();
      if (waiter) waiter();
      else running--;
    }
  }

  try {
    for (;;) {
      while (next < items.length && queue.length < ahead) {
        const result = start(items[next++]!);
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
