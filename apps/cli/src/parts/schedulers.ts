/** The environment variables by which schedulers and launchers tell a process its part of a job. */
import { UsageError } from "../errors/usage-error.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Scheduler {
  readonly name: string;
  readonly index: string;
  readonly count: string;
  /** Advice when one of the two is missing. */
  readonly fix: string;
  /** Whether the pair means anything here; default: always. */
  readonly counts?: (environment: Environment) => boolean;
  /** It starts the processes of the launchers below it: their pairs win over its own. */
  readonly isOuter?: boolean;
  /** The index from 0. Throws `shard-holes`. */
  readonly fromZero?: (index: number, count: number, environment: Environment) => number;
}

export const schedulers: readonly Scheduler[] = [
  {
    name: "Slurm job array",
    index: "SLURM_ARRAY_TASK_ID",
    count: "SLURM_ARRAY_TASK_COUNT",
    fix: "Start it as an array: sbatch --array=0-15.",
    fromZero: partOfSlurmArray,
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
  { name: "torchrun or Kubeflow", index: "RANK", count: "WORLD_SIZE", fix: "Set both or neither." },
  { name: "mpirun", index: "OMPI_COMM_WORLD_RANK", count: "OMPI_COMM_WORLD_SIZE", fix: "Start it with mpirun." },
  {
    name: "mpiexec of MPICH or Intel MPI",
    index: "PMI_RANK",
    count: "PMI_SIZE",
    fix: "Start it with mpiexec.",
    // Other programs set one of them.
    counts: ({ PMI_RANK, PMI_SIZE }) => Boolean(PMI_RANK && PMI_SIZE),
  },
  {
    name: "srun",
    index: "SLURM_PROCID",
    count: "SLURM_NTASKS",
    fix: "Start it with srun.",
    isOuter: true,
    // A batch script and the shell of salloc have parts of the pair, and run once. A step has a number.
    counts: ({ SLURM_JOB_ID, SLURM_STEP_ID }) => !SLURM_JOB_ID || Boolean(SLURM_STEP_ID),
  },
];

/** An array may begin at any number and have steps (`--array=10-40:2`), but no holes (`--array=3,7`). */
function partOfSlurmArray(id: number, count: number, environment: Environment): number {
  const first = Number(environment["SLURM_ARRAY_TASK_MIN"] ?? 0);
  const step = Number(environment["SLURM_ARRAY_TASK_STEP"] || 1);
  const last = environment["SLURM_ARRAY_TASK_MAX"];
  const hasHoles = last !== undefined && last !== "" && (Number(last) - first) / step + 1 !== count;
  if (!hasHoles) return (id - first) / step;
  throw new UsageError(
    "shard-holes",
    `The Slurm array has holes: ${count} tasks from ${first} to ${last}. Which part task ${id} does is not known.`,
    {
      fix: `To repeat parts of an earlier array of N tasks: --shard $SLURM_ARRAY_TASK_ID/N. Else number the tasks without holes: sbatch --array=0-${count - 1}.`,
    },
  );
}
