/** Evaluations and ablations that several processes share, as their schedulers start them; some are killed, some started twice. */
import type { TokenizerMetrics, TrainResult } from "@revq/train";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
const images = ["--data", "synthetic:dead-leaves", "--image-size", "32"];

beforeAll(async () => {
  const model = ["--tokens", "16", "--codes", "16", "--rectifier", "identity", "--set", "data.limit=64"];
  await revqJson<TrainResult>(["train", ...images, ...model, "-o", "tokenizer"], { cwd });
}, 120_000);
afterAll(() => folder.remove());

interface Part {
  readonly kept: boolean;
  readonly evaluation: TokenizerMetrics | null;
}

describe("revq eval in parts", () => {
  const args = ["eval", "tokenizer", "--data", "synthetic:dead-leaves", "--limit", "50"];
  const kubernetes = (index: number, count = 3) => ({
    cwd,
    environment: { JOB_COMPLETION_INDEX: String(index), JOB_COMPLETIONS: String(count) },
  });
  const part = (index: number): Promise<Part> => revqJson<Part>([...args, "-o", "scores"], kubernetes(index));
  interface Counts {
    readonly found: number;
    readonly skipped: readonly unknown[];
    readonly passedOver: number;
  }
  /** Of joined parts the skipped images are a number. */
  const counts = { found: 50, skipped: 0, passedOver: 0 };
  let whole: Omit<TokenizerMetrics, keyof Counts>;
  beforeAll(async () => {
    const { found, skipped, passedOver, ...scores } = await revqJson<TokenizerMetrics & Counts>(args, { cwd });
    expect({ found, skipped: skipped.length, passedOver }).toEqual(counts);
    whole = scores;
  }, 60_000);

  it("gives what one process measures; the last part to finish joins", async () => {
    const killed = await revq([...args, "-o", "scores"], {
      ...kubernetes(1),
      interruptWhen: () => existsSync(join(cwd, "scores")),
      signal: "SIGKILL",
    });
    expect(killed.code).not.toBe(0);
    expect((await part(2)).evaluation).toBeNull();
    expect((await part(0)).evaluation).toBeNull();
    const { evaluation } = await part(1);
    expectClose(evaluation, { ...whole, ...counts });
    expect(JSON.parse(await readFile(join(cwd, "scores", "evaluation.json"), "utf8"))).toEqual(evaluation);
  }, 120_000);

  it("does nothing a second time, and joins to the same", async () => {
    const made = async (): Promise<number[]> =>
      Promise.all(
        (await readdir(join(cwd, "scores")))
          .filter((name) => name.startsWith("part-"))
          .map(async (name) => (await stat(join(cwd, "scores", name))).mtimeMs),
      );
    const before = await made();
    expect(before).toHaveLength(3);
    expect((await part(1)).kept).toBe(true);
    expect(await made()).toEqual(before);
    const { evaluation } = await revqJson<{ evaluation: TokenizerMetrics }>(["merge", "scores"], { cwd });
    expectClose(evaluation, { ...whole, ...counts });
  }, 60_000);

  it("joins parts of folders of their own, and refuses missing, foreign and damaged ones", async () => {
    const names = (await readdir(join(cwd, "scores"))).filter((name) => name.startsWith("part-")).sort();
    await Promise.all(["a", "b"].map((name) => mkdir(join(cwd, name))));
    await copyFile(join(cwd, "scores", names[0]!), join(cwd, "a", names[0]!));
    await copyFile(join(cwd, "scores", names[1]!), join(cwd, "b", names[1]!));
    const unfinished = await revq(["merge", "a", "b", "-o", "joined"], { cwd });
    expect(unfinished.stderr).toMatch(/1 of 3 parts of the evaluation are missing \(2\)/);
    for (const name of ["a", "b"]) await copyFile(join(cwd, "scores", names[2]!), join(cwd, name, names[2]!));
    const { evaluation } = await revqJson<{ evaluation: TokenizerMetrics }>(["merge", "a", "b", "-o", "joined"], {
      cwd,
    });
    expectClose(evaluation, { ...whole, ...counts });
    const foreign = await revq([...args.slice(0, -1), "40", "-o", "scores", "--shard", "0/3"], { cwd });
    expect(foreign.stderr).toMatch(/is of another evaluation: data, expected, found differ/);
    const unlike = await revq([...args, "-o", "scores", "--shard", "0/3", "--lpips", "none"], { cwd });
    expect(unlike.stderr).toMatch(/is of another evaluation: networks differ/);
    await copyFile(join(cwd, "tokenizer", "config.json"), join(cwd, "a", names[0]!));
    expect((await revq(["merge", "a", "b", "-o", "joined"], { cwd })).stderr).toMatch(/cannot be used/);
  }, 120_000);

  it("says which scheduler it found, and refuses half of a pair and a part without a folder", async () => {
    const noted = await revq([...args, "-o", "four"], kubernetes(0, 40));
    expect(noted.stderr).toContain(
      "Part 0 of 40, from Kubernetes Indexed Job (JOB_COMPLETION_INDEX, JOB_COMPLETIONS).",
    );
    expect((await revq(args, kubernetes(0))).stderr).toMatch(/has no folder for its result/);
    const half = await revq([...args, "-o", "five"], { cwd, environment: { RANK: "1" } });
    expect(half.stderr).toMatch(/RANK is set, WORLD_SIZE is not/);
  }, 60_000);
});

describe("revq ablate in parts", () => {
  const args = ["ablate", ...images, "--set", "data.limit=24", "--quantizer", "vq,fsq,lfq", "--tokens", "16"];
  const more = ["--rectifier", "identity", "--picture-steps", "0", "--adapt-decoder", "none", "--out"];
  const torchrun = (rank: number) => ({ cwd, environment: { RANK: String(rank), WORLD_SIZE: "2" } });
  interface Outcome {
    readonly trials?: readonly { readonly name: string; readonly rectifiedMse: number; readonly seconds: number }[];
    readonly finished?: readonly string[];
  }
  const run = (out: string, options: object): Promise<Outcome> =>
    revqJson([...args, ...more, out], { cwd, ...options });

  it("gives the table of one process, runs no trial twice, and is refused while a part is missing", async () => {
    const whole = await run("whole", {});
    const first = await run("shared", torchrun(0));
    expect(first.finished).toHaveLength(2);
    expect((await revq(["merge", "shared"], { cwd })).stderr).toMatch(/1 of 2 parts of the ablation are missing \(1\)/);
    const last = await run("shared", torchrun(1));
    const numbers = ({ trials }: Outcome): unknown => trials!.map(({ name, rectifiedMse }) => [name, rectifiedMse]);
    expect(numbers(last)).toEqual(numbers(whole));
    const made = async (): Promise<number> =>
      (await stat(join(cwd, "shared", "results", `${first.finished![0]}.json`))).mtimeMs;
    const before = await made();
    await rm(join(cwd, "shared", "report.html"));
    expect(numbers(await run("shared", torchrun(0)))).toEqual(numbers(whole));
    expect(await made()).toBe(before);
    expect(existsSync(join(cwd, "shared", "report.html"))).toBe(true);
  }, 300_000);

  it("joins folders of machines without a common disk", async () => {
    await run("left", torchrun(0));
    await run("right", torchrun(1));
    const joined = await revqJson<Outcome>(["merge", "left", "right", "-o", "both"], { cwd });
    expect(joined.trials).toHaveLength(3);
    expect((await readdir(join(cwd, "both", "results"))).sort()).toHaveLength(3);
  }, 300_000);
});

/** The same numbers but for the order of additions and the batches that the engine got. */
function expectClose(got: unknown, expected: unknown): void {
  const flat = (value: unknown, path = ""): [string, unknown][] =>
    value !== null && typeof value === "object"
      ? Object.entries(value).flatMap(([key, each]) => flat(each, `${path}.${key}`))
      : [[path, value]];
  const [ours, theirs] = [flat(got), flat(expected)];
  expect(ours.map(([path]) => path)).toEqual(theirs.map(([path]) => path));
  for (const [i, [path, value]] of ours.entries()) {
    const other = theirs[i]![1];
    if (typeof value === "number")
      expect(Math.abs(value - (other as number)), path).toBeLessThan(1e-6 * (1 + Math.abs(value)));
    else expect(value, path).toBe(other);
  }
}
