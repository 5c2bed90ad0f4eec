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
  ])("finds its part under %s", (_, environment, expected) => {
    expect(part(environment)).toEqual(expected);
  });

  it("takes the flag before all of them", () => {
    expect(part({ RANK: "1" }, "0/4")).toEqual([0, 4]);
  });

  it.each([
    [{ RANK: "1" }, /RANK is set, WORLD_SIZE is not/],
    [{ WORLD_SIZE: "4" }, /WORLD_SIZE is set, RANK is not/],
    [{ JOB_COMPLETION_INDEX: "1" }, /JOB_COMPLETIONS is not/],
    [{ SLURM_ARRAY_TASK_ID: "1" }, /SLURM_ARRAY_TASK_COUNT is not/],
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
