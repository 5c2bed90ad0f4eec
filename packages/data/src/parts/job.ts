/**
 * A job that several processes share ("part i of n"). All processes begin the same job, each writes
 * the results of its own units, and the last one joins them. A result is written whole or not at
 * all, so a stopped part goes on where it was.
 */

/** The share of one process. */
export interface Part {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export const wholeJob: Part = { index: 0, count: 1 };

export interface SharedJob<Result, Joined> {
  /** Units of work. Unit u belongs to part u mod n. */
  readonly units: number;
  /**
   * True when a part runs again although its results exist: it keeps what is finished by itself.
   */
  readonly repeats?: boolean;
  /**
   * Records in the folder which job it is. Several processes may do so at once. Throws when the
   * folder holds another.
   */
  begin(): Promise<void>;
  write(unit: number, result: Result): Promise<void>;
  /** Units without a result, ascending. */
  missing(): Promise<readonly number[]>;
  /**
   * Joins the results of all units. Joining again gives the same. Throws when results are missing.
   */
  join(): Promise<Joined>;
}

export interface PartOutcome<Joined> {
  /** Units of this part whose results existed before, and those that were made now. */
  readonly kept: number;
  readonly made: number;
  /** Null while results of other parts are missing. */
  readonly joined: Joined | null;
}

/**
 * Does one part of a job.
 * @param work makes the result of a unit. Aborting throws `signal.reason`; results stay.
 */
export async function doPart<Result, Joined>(
  job: SharedJob<Result, Joined>,
  part: Part,
  work: (unit: number) => Promise<Result>,
  signal: AbortSignal,
): Promise<PartOutcome<Joined>> {
  await job.begin();
  const missing = new Set(await job.missing());
  const own = unitsOfPart(part, job.units);
  let made = 0;
  for (const unit of own) {
    signal.throwIfAborted();
    if (!missing.has(unit) && !job.repeats) continue;
    await job.write(unit, await work(unit));
    made++;
  }
  const complete = (await job.missing()).length === 0;
  return { kept: own.length - made, made, joined: complete ? await job.join() : null };
}

/** Every n-th unit, from i on. */
export function unitsOfPart({ index, count }: Part, units: number): number[] {
  return Array.from({ length: units }, (_, unit) => unit).filter((unit) => unit % count === index);
}

/** Part i of n consecutive ranges that differ by one item at most: from, to (exclusive). */
export function rangeOfPart({ index, count }: Part, items: number): [from: number, to: number] {
  return [Math.floor((index * items) / count), Math.floor(((index + 1) * items) / count)];
}
