/**
 * The part of a job that this process does, when several processes share the job: `--shard i/n`, or the pair of variables
 * (index, count) of a scheduler or launcher. A complete pair wins over halves of others. A pair with a count of 1 says
 * nothing beside another pair. srun's pair says nothing beside those of the launchers that it starts. Other pairs that
 * disagree are refused.
 */
import { Flags } from "@oclif/core";
import { UsageError } from "../errors/usage-error.js";
import { schedulers, type Environment, type Scheduler } from "./schedulers.js";

/** Part `index` of `count`, from 0. */
export interface ProcessPart {
  readonly index: number;
  readonly count: number;
  /** The flag or the scheduler that named it, for people. */
  readonly from: string;
}

export const shardFlag = Flags.string({
  description: "do part i of n, counted from 0 (default: the part that a scheduler assigned)",
  helpValue: "<i/n>",
});

/** Variables of launchers, which may run inside a step of srun. */
const launchers: readonly string[] = ["RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"];

/** The environment without the variables of schedulers, for a process that a part starts: it does its work alone. */
export function withoutScheduler(environment: Environment): Record<string, string | undefined> {
  const variables = new Set(schedulers.flatMap(({ index, count }) => [index, count]));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !variables.has(name)));
}

/** Null: this process does the whole job. Throws `shard-syntax`, `shard-range`, `shard-half-set`, `shard-holes`, `shard-ambiguous`. */
export function partOfProcess(flag: string | undefined, environment: Environment): ProcessPart | null {
  if (flag !== undefined) {
    const [, index, count] = /^(\d+)\/(\d+)$/.exec(flag) ?? [];
    if (index === undefined || count === undefined) {
      throw new UsageError("shard-syntax", `--shard ${flag} is not of the form i/n.`, {
        fix: "For the first of 16: --shard 0/16.",
      });
    }
    return checked({ index: Number(index), count: Number(count), from: "--shard" });
  }
  const set = schedulers.filter(
    ({ index, count, counts }) => (environment[index] || environment[count]) && (counts?.(environment) ?? true),
  );
  const complete = set.filter(({ index, count }) => environment[index] && environment[count]);
  if (complete.length === 0) {
    if (set[0]) throw halfSet(set[0], environment);
    return null;
  }
  const launched = complete.some(({ index }) => launchers.includes(index));
  const inner = complete.filter(({ isOuter }) => !(isOuter && launched));
  const several = inner.filter(({ count }) => environment[count] !== "1");
  const parts = (several.length > 0 ? several : inner).map((scheduler) => fromEnvironment(scheduler, environment));
  const [first] = parts;
  const other = parts.find(({ index, count }) => index !== first!.index || count !== first!.count);
  if (other) {
    throw new UsageError(
      "shard-ambiguous",
      `${first!.from} says part ${first!.index} of ${first!.count}, ${other.from} says ${other.index} of ${other.count}.`,
      { fix: "Name the part with --shard i/n." },
    );
  }
  return first!;
}

function halfSet({ index, count, fix }: Scheduler, environment: Environment): UsageError {
  const [set, missing] = environment[index] ? [index, count] : [count, index];
  return new UsageError("shard-half-set", `${set} is set, ${missing} is not.`, {
    fix: `${fix} Or name the part with --shard i/n.`,
  });
}

/** Of a complete pair. */
function fromEnvironment({ name, index, count, fromZero }: Scheduler, environment: Environment): ProcessPart {
  const [i, n] = [environment[index]!, environment[count]!];
  if (!/^\d+$/.test(i) || !/^\d+$/.test(n)) {
    throw new UsageError("shard-range", `${index}=${i} and ${count}=${n} are not whole numbers.`, {
      fix: `${index} counts from 0, ${count} is the number of processes. Or name the part with --shard i/n.`,
    });
  }
  const part = { index: Number(i), count: Number(n), from: `${name} (${index}, ${count})` };
  return checked({ ...part, index: fromZero?.(part.index, part.count, environment) ?? part.index });
}

function checked(part: ProcessPart): ProcessPart {
  if (Number.isInteger(part.index) && part.index >= 0 && part.index < part.count) return part;
  throw new UsageError(
    "shard-range",
    part.count === 0
      ? `${part.from} says 0 parts; there is at least one.`
      : `${part.from} says part ${part.index} of ${part.count}; parts are numbered 0 to ${part.count - 1}.`,
    { fix: "Check the array of the scheduler, or use --shard i/n." },
  );
}
