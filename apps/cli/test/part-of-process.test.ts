import { describe, expect, it } from "vitest";
import { partOfProcess } from "../src/parts/part-of-process.js";

const part = (environment: Record<string, string>, flag?: string): unknown => {
  const found = partOfProcess(flag, environment);
  return found && [found.index, found.count];
};

describe("partOfProcess", () => {
  it("does everything where nobody says otherwise", () => {
    expect(part({ HOME: "/root", SLURM_JOB_ID: "7", RANK: "", WORLD_SIZE: "" })).toBeNull();
  });

  it.each([
    ["Slurm", { SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "16", SLURM_ARRAY_TASK_MIN: "0" }, [3, 16]],
    [
      "a Slurm array from 1",
      { SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_TASK_COUNT: "16", SLURM_ARRAY_TASK_MIN: "1" },
      [0, 16],
    ],
    [
      "a Slurm array with steps",
      {
        SLURM_ARRAY_TASK_ID: "14",
        SLURM_ARRAY_TASK_COUNT: "4",
        SLURM_ARRAY_TASK_MIN: "10",
        SLURM_ARRAY_TASK_STEP: "2",
      },
      [2, 4],
    ],
    ["Kubernetes", { JOB_COMPLETION_INDEX: "0", JOB_COMPLETIONS: "8" }, [0, 8]],
    ["AWS Batch", { AWS_BATCH_JOB_ARRAY_INDEX: "9", AWS_BATCH_JOB_ARRAY_SIZE: "10" }, [9, 10]],
    ["torchrun", { RANK: "1", WORLD_SIZE: "2" }, [1, 2]],
    ["two that agree", { RANK: "1", WORLD_SIZE: "2", JOB_COMPLETION_INDEX: "1", JOB_COMPLETIONS: "2" }, [1, 2]],
    ["mpirun", { OMPI_COMM_WORLD_RANK: "3", OMPI_COMM_WORLD_SIZE: "4" }, [3, 4]],
    ["mpiexec of MPICH", { PMI_RANK: "2", PMI_SIZE: "4" }, [2, 4]],
    [
      "mpiexec of MPICH on the nodes of srun",
      { SLURM_PROCID: "1", SLURM_NTASKS: "2", PMI_RANK: "6", PMI_SIZE: "8" },
      [6, 8],
    ],
    ["srun", { SLURM_PROCID: "1", SLURM_NTASKS: "4" }, [1, 4]],
    ["srun, with half of MPICH's pair", { SLURM_PROCID: "1", SLURM_NTASKS: "4", PMI_SIZE: "4" }, [1, 4]],
    ["srun in a job", { SLURM_JOB_ID: "9", SLURM_STEP_ID: "0", SLURM_PROCID: "1", SLURM_NTASKS: "4" }, [1, 4]],
    ["Kubeflow", { RANK: "1", WORLD_SIZE: "2", JOB_COMPLETION_INDEX: "0" }, [1, 2]],
    ["a job with both halves of others", { RANK: "1", WORLD_SIZE: "2", OMPI_COMM_WORLD_SIZE: "8" }, [1, 2]],
    [
      "mpirun on the nodes of srun",
      { SLURM_PROCID: "1", SLURM_NTASKS: "2", OMPI_COMM_WORLD_RANK: "6", OMPI_COMM_WORLD_SIZE: "8" },
      [6, 8],
    ],
    ["torchrun on the nodes of srun", { SLURM_PROCID: "0", SLURM_NTASKS: "2", RANK: "3", WORLD_SIZE: "4" }, [3, 4]],
    [
      "one task of srun in a Slurm array",
      { ...{ SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "16" }, SLURM_PROCID: "0", SLURM_NTASKS: "1" },
      [3, 16],
    ],
    [
      "the batch script of a Slurm array, with its own half of srun's pair",
      { ...{ SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "16" }, SLURM_JOB_ID: "9", SLURM_PROCID: "0" },
      [3, 16],
    ],
    ["one process alone", { RANK: "0", WORLD_SIZE: "1" }, [0, 1]],
  ])("finds its part under %s", (_, environment, expected) => {
    expect(part(environment)).toEqual(expected);
  });

  it.each([
    ["a batch script", { SLURM_JOB_ID: "9", SLURM_PROCID: "0", SLURM_NTASKS: "4" }],
    ["a batch script of one task", { SLURM_JOB_ID: "9", SLURM_PROCID: "0" }],
    ["the shell of salloc", { SLURM_JOB_ID: "9", SLURM_NTASKS: "4" }],
  ])("does everything in %s, which runs once", (_, environment) => {
    expect(part(environment)).toBeNull();
  });

  it.each(["3", "7"])("refuses task %s of a Slurm array with holes, and says what to name", (id) => {
    const holes = { SLURM_ARRAY_TASK_COUNT: "2", SLURM_ARRAY_TASK_MIN: "3", SLURM_ARRAY_TASK_MAX: "7" };
    const environment = { SLURM_ARRAY_TASK_ID: id, SLURM_ARRAY_TASK_STEP: "1", ...holes };
    expect(() => part(environment)).toThrow(`2 tasks from 3 to 7. Which part task ${id} does is not known.`);
    expect(() => part(environment)).toThrow(
      expect.objectContaining({ fix: expect.stringContaining("--shard $SLURM_ARRAY_TASK_ID/N") as string }),
    );
    expect(part(environment, "3/16")).toEqual([3, 16]);
  });

  it("takes the flag before all of them", () => {
    expect(part({ RANK: "1" }, "0/4")).toEqual([0, 4]);
  });

  it.each([
    [{ RANK: "1" }, /RANK is set, WORLD_SIZE is not/],
    [{ WORLD_SIZE: "4" }, /WORLD_SIZE is set, RANK is not/],
    [{ JOB_COMPLETION_INDEX: "1" }, /JOB_COMPLETIONS is not/],
    [{ SLURM_ARRAY_TASK_ID: "1" }, /SLURM_ARRAY_TASK_COUNT is not/],
    [{ OMPI_COMM_WORLD_RANK: "1" }, /OMPI_COMM_WORLD_RANK is set, OMPI_COMM_WORLD_SIZE is not/],
    [{ SLURM_PROCID: "1" }, /SLURM_PROCID is set, SLURM_NTASKS is not/],
    [{ RANK: "1", JOB_COMPLETION_INDEX: "1" }, /JOB_COMPLETIONS is not/],
    [
      { SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_TASK_COUNT: "2", SLURM_PROCID: "1", SLURM_NTASKS: "4" },
      /array .* says part 1 of 2, srun .* says 1 of 4/,
    ],
    [{ RANK: "x", WORLD_SIZE: "4" }, /not whole numbers/],
    [{ RANK: "4", WORLD_SIZE: "4" }, /numbered 0 to 3/],
    [
      { RANK: "0", WORLD_SIZE: "2", AWS_BATCH_JOB_ARRAY_INDEX: "1", AWS_BATCH_JOB_ARRAY_SIZE: "2" },
      /says part 1 of 2, .* says 0 of 2/,
    ],
  ])("refuses %j", (environment, message) => {
    expect(() => part(environment)).toThrow(message);
  });

  it.each(["1", "a/b", "4/4", "1/0", "-1/3"])("refuses --shard %s", (flag) => {
    expect(() => part({}, flag)).toThrow(/--shard/);
  });
});
