/**
 * The order of trials. Trials that share latents wait until the first of them has encoded the
 * images; all others run side by side. A failed trial does not stop the others.
 */

export interface Scheduled<T> {
  readonly trial: T;
  /** Trials with the same key share latents. */
  readonly key: string;
}

/**
 * @param jobs how many trials run at once
 * @param run rejects only to stop all trials; true when the trial's latents exist now
 */
export async function runScheduled<T>(
  trials: readonly Scheduled<T>[],
  jobs: number,
  run: (trial: T) => Promise<boolean>,
): Promise<void> {
  const waiting = [...trials];
  const ready = new Set<string>();
  const encoding = new Set<string>();
  const running = new Set<Promise<void>>();
  while (waiting.length > 0 || running.size > 0) {
    const next = waiting.findIndex(({ key }) => ready.has(key) || !encoding.has(key));
    if (running.size >= jobs || next < 0) {
      await Promise.race(running);
      continue;
    }
    const [{ trial, key }] = waiting.splice(next, 1) as [Scheduled<T>];
    if (!ready.has(key)) encoding.add(key);
    const work: Promise<void> = run(trial)
      .then((encoded) => {
        if (encoded) ready.add(key);
        else if (!ready.has(key)) encoding.delete(key);
      })
      .finally(() => running.delete(work));
    running.add(work);
  }
}
