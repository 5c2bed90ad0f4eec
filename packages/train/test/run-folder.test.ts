import { spawnSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunFolder } from "../src/run/run-folder.js";
import { lockRun } from "../src/run/run-lock.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-run-"));
});
afterEach(() => rm(folder, { recursive: true }));

const notes: string[] = [];
const note = (line: string): void => void notes.push(line);
const open = (resume: boolean): Promise<RunFolder> => RunFolder.open(folder, { resume, note });

describe("RunFolder", () => {
  it("takes an empty folder, and one where a start failed before its first result", async () => {
    const run = await open(false);
    await run.write("run/config.yaml", "seed: 1");
    await run.close();
    await (await open(false)).close();
  });

  it("refuses a folder with other files, resumed or not", async () => {
    await writeFile(join(folder, "holiday.jpg"), "");
    await expect(open(false)).rejects.toMatchObject({ code: "out-not-empty" });
    await expect(open(true)).rejects.toMatchObject({ code: "not-a-run" });
    expect(await readdir(folder)).toEqual(["holiday.jpg"]);
  });

  it("resumes a run, and starts one where there is nothing", async () => {
    const run = await open(true);
    await run.write("run/config.yaml", "seed: 1");
    await run.write("config.json", "{}");
    await run.close();
    await expect(open(false)).rejects.toMatchObject({ code: "out-not-empty" });
    await (await open(true)).close();
  });

  it("removes what a killed process left of a write", async () => {
    await (await open(true)).write("run/config.yaml", "");
    await rm(join(folder, "run", "lock"));
    await writeFile(join(folder, "run", ".metrics.jsonl.0a1b2c3d.tmp"), "half");
    await (await open(true)).close();
    expect(await readdir(join(folder, "run"))).toEqual(["config.yaml"]);
  });

  it("says what is wrong when a file is in the way", async () => {
    const path = join(folder, "file");
    await writeFile(path, "");
    await expect(RunFolder.open(path, { resume: false, note })).rejects.toThrow(/a file has that name/);
    const behind = RunFolder.open(join(path, "run"), { resume: false, note });
    await expect(behind).rejects.toThrow(`${path} is a file`);
  });
});

describe("the lock", () => {
  const path = (): string => join(folder, "run", "lock");

  it("lets one run in at a time", async () => {
    const first = await open(false);
    await expect(open(true)).rejects.toMatchObject({ code: "run-locked" });
    await first.close();
    await (await open(true)).close();
    expect(existsSync(path())).toBe(false);
  });

  it("is taken over from a process that was killed, even when another has its number now", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await mkdir(join(folder, "run"));
    await writeFile(path(), JSON.stringify({ pid, host: hostname(), processStart: null }));
    await (await lockRun(path(), note)).release();
    expect(notes.at(-1)).toMatch(/Removed the lock of a dead run/);
    if (process.platform !== "linux") return;
    await writeFile(path(), JSON.stringify({ pid: process.pid, host: hostname(), processStart: "another boot 1" }));
    await (await lockRun(path(), note)).release();
  });

  it("is kept while its process lives, and while another machine touches it", async () => {
    await mkdir(join(folder, "run"));
    await writeFile(path(), JSON.stringify({ pid: process.pid, host: "elsewhere", processStart: null }));
    await expect(lockRun(path(), note)).rejects.toThrow(/process \d+ on elsewhere/);
  });

  it("goes to one of many that take over at once", async () => {
    await mkdir(join(folder, "run"));
    for (let round = 0; round < 20; round++) {
      await writeFile(path(), "damaged");
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(path(), note)));
      const winners = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      expect(winners).toHaveLength(1);
      expect(JSON.parse(await readFile(path(), "utf8"))).toMatchObject({ pid: process.pid });
      expect(await readdir(join(folder, "run"))).toEqual(["lock"]);
      await winners[0]!.release();
    }
  });

  it("is taken over though a process was killed while it took over", async () => {
    await mkdir(join(folder, "run"));
    await writeFile(path(), "damaged");
    await writeFile(`${path()}.takeover`, "");
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${path()}.takeover`, longAgo, longAgo);
    await (await lockRun(path(), note)).release();
    expect(await readdir(join(folder, "run"))).toEqual([]);
  });

  it("is seen by another process", async () => {
    const lock = await lockRun(path(), note);
    const child = spawn(process.execPath, [
      "-e",
      `process.stdout.write(require("fs").readFileSync(${JSON.stringify(path())}))`,
    ]);
    let text = "";
    for await (const chunk of child.stdout) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid, host: hostname() });
    await lock.release();
  });
});
