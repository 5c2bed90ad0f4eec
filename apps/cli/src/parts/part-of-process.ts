/**
 * The part of a job that this process does, when several processes share the job: `--shard i/n`, or the environment
 * variables of a scheduler (Slurm job arrays, Kubernetes Indexed Jobs, AWS Batch array jobs, RANK and WORLD_SIZE of
 * torchrun and others).
 */
import { Flags } from "@oclif/core";
import { UsageError } from "../errors/usage-error.js";

/** Part `index` of `count`, from 0. */
export interface ProcessPart {
  readonly index: number;
  readonly count: number;
  /** The flag or the scheduler that named it, for people. */
  readonly from: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Scheduler {
  readonly name: string;
  readonly index: string;
  readonly count: string;
  /** Advice when one of the two is missing. */
  readonly fix: string;
}

const schedulers: readonly Scheduler[] = [
  {
    name: "Slurm job array",
    index: "SLURM_ARRAY_TASK_ID",
    count: "SLURM_ARRAY_TASK_COUNT",
    fix: "Start it as an array: sbatch --array=0-15.",
  },
  {
    name: "Kubernetes Indexed Job",
    index: "JOB_COMPLETION_INDEX",
    count: "JOB_COMPLETIONS",
    fix: "Kubernetes sets the index only: set JOB_COMPLETIONS in the container's env to the Job's completions.",
  },
  {
    name: "AWS Batch array job",
    index: "AWS_BATCH_JOB_ARRAY_INDEX",
    count: "AWS_BATCH_JOB_ARRAY_SIZE",
    fix: "Submit it as an array job (--array-properties size=16).",
  },
  { name: "torchrun or MPI", index: "RANK", count: "WORLD_SIZE", fix: "Set both or neither." },
];

export const shardFlag = Flags.string({
  description: "do part i of n, counted from 0 (default: the part that a scheduler assigned)",
  helpValue: "<i/n>",
});

/** The environment without the variables of schedulers, for a process that a part starts: it does its work alone. */
export function withoutScheduler(environment: Environment): Record<string, string | undefined> {
  const variables = new Set(schedulers.flatMap(({ index, count }) => [index, count]));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !variables.has(name)));
}

/** Null: this process does the whole job. Throws `shard-syntax`, `shard-range`, `shard-half-set`, `shard-ambiguous`. */
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
  const found = schedulers.flatMap((scheduler) => fromEnvironment(scheduler, environment) ?? []);
  const [first] = found;
  const other = found.find(({ index, count }) => index !== first!.index || count !== first!.count);
  if (first && other) {
    throw new UsageError(
      "shard-ambiguous",
      `${first.from} says part ${first.index} of ${first.count}, ${other.from} says ${other.index} of ${other.count}.`,
      { fix: "Name the part with --shard i/n." },
    );
  }
  return first ?? null;
}

function fromEnvironment({ name, index, count, fix }: Scheduler, environment: Environment): ProcessPart | null {
  const [i, n] = [environment[index] || undefined, environment[count] || undefined];
  if (i === undefined && n === undefined) return null;
  if (i === undefined || n === undefined) {
    const [set, missing] = i === undefined ? [count, index] : [index, count];
    throw new UsageError("shard-half-set", `${set} is set, ${missing} is not.`, {
      fix: `${fix} Or name the part with --shard i/n.`,
    });
  }
  if (!/^\d+$/.test(i) || !/^\d+$/.test(n)) {
    throw new UsageError("shard-range", `${index}=${i} and ${count}=${n} are not whole numbers.`, { fix });
  }
  const part = { index: Number(i), count: Number(n), from: `${name} (${index}, ${count})` };
  if (index !== "SLURM_ARRAY_TASK_ID") return checked(part);
  // An array may begin at any number and have steps: --array=10-40:2.
  const first = Number(environment["SLURM_ARRAY_TASK_MIN"] ?? 0);
  const step = Number(environment["SLURM_ARRAY_TASK_STEP"] || 1);
  return checked({ ...part, index: (part.index - first) / step });
}

function checked(part: ProcessPart): ProcessPart {
  if (Number.isInteger(part.index) && part.index >= 0 && part.index < part.count) return part;
  throw new UsageError(
    "shard-range",
    `${part.from} says part ${part.index} of ${part.count}; parts are numbered 0 to ${part.count - 1}.`,
    { fix: "Check the array of the scheduler, or use --shard i/n." },
  );
}
