/**
 * Which part of the work this process does when several share it: `--shard i/n`, or what the scheduler that started it says in the
 * environment (Slurm job arrays, Kubernetes Indexed Jobs, AWS Batch array jobs, RANK and WORLD_SIZE of torchrun and others).
 */
import { Flags } from "@oclif/core";
import { RevqError } from "@revq/core";

export interface ShardPart {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** For people: where it came from. */
  readonly from: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Scheduler {
  readonly name: string;
  readonly index: string;
  readonly count: string;
  /** What to do when one of the two is missing. */
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

/** The flag as all commands have it. */
export const shardFlag = (help: { readonly helpGroup?: string } = {}) =>
  Flags.string({
    description: "do part i of n, counted from 0; found by itself under a scheduler",
    helpValue: "<i/n>",
    ...help,
  });

/** The environment without what schedulers say: for commands that do their part's work. */
export function withoutScheduler(environment: Environment): Record<string, string | undefined> {
  const said = new Set(schedulers.flatMap(({ index, count }) => [index, count]));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !said.has(name)));
}

/** Null: this process does everything. Throws `shard-syntax`, `shard-range`, `shard-half-set`, `shard-ambiguous`. */
export function shardPart(flag: string | undefined, environment: Environment): ShardPart | null {
  if (flag !== undefined) {
    const [, index, count] = /^(\d+)\/(\d+)$/.exec(flag) ?? [];
    if (index === undefined || count === undefined) {
      throw new RevqError("shard-syntax", `--shard ${flag} is not of the form i/n.`, {
        fix: "For the first of 16: --shard 0/16.",
        exitCode: 2,
      });
    }
    return checked({ index: Number(index), count: Number(count), from: "--shard" });
  }
  const found = schedulers.flatMap((scheduler) => fromEnvironment(scheduler, environment) ?? []);
  const [first] = found;
  const other = found.find(({ index, count }) => index !== first!.index || count !== first!.count);
  if (first && other) {
    throw new RevqError(
      "shard-ambiguous",
      `${first.from} says part ${first.index} of ${first.count}, ${other.from} says ${other.index} of ${other.count}.`,
      { fix: "Say which one with --shard i/n.", exitCode: 2 },
    );
  }
  return first ?? null;
}

function fromEnvironment({ name, index, count, fix }: Scheduler, environment: Environment): ShardPart | null {
  const [i, n] = [environment[index] || undefined, environment[count] || undefined];
  if (i === undefined && n === undefined) return null;
  if (i === undefined || n === undefined) {
    const [set, missing] = i === undefined ? [count, index] : [index, count];
    throw new RevqError("shard-half-set", `${set} is set, ${missing} is not.`, {
      fix: `${fix} Or say it with --shard i/n.`,
      exitCode: 2,
    });
  }
  if (!/^\d+$/.test(i) || !/^\d+$/.test(n)) {
    throw new RevqError("shard-range", `${index}=${i} and ${count}=${n} are no whole numbers.`, { fix, exitCode: 2 });
  }
  const part = { index: Number(i), count: Number(n), from: `${name} (${index}, ${count})` };
  if (index !== "SLURM_ARRAY_TASK_ID") return checked(part);
  // An array may begin at any number and have steps: --array=10-40:2.
  const first = Number(environment["SLURM_ARRAY_TASK_MIN"] ?? 0);
  const step = Number(environment["SLURM_ARRAY_TASK_STEP"] || 1);
  return checked({ ...part, index: (part.index - first) / step });
}

function checked(part: ShardPart): ShardPart {
  if (Number.isInteger(part.index) && part.index >= 0 && part.index < part.count) return part;
  throw new RevqError(
    "shard-range",
    `${part.from} says part ${part.index} of ${part.count}; parts are numbered 0 to ${part.count - 1}.`,
    { fix: "Check the scheduler's array, or use --shard i/n.", exitCode: 2 },
  );
}
