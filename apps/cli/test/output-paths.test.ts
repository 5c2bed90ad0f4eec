/** What is refused before the work begins. */
import { reportMark } from "@revq/report";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, requireEmptyFolder, requireReportFolder, withEmptyFolder } from "../src/output/output-paths.js";

const folder = mkdtempSync(join(tmpdir(), "revq-output-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("requireReportFolder", () => {
  it("takes a new folder, an empty one, and that of an earlier report", async () => {
    const path = join(folder, "report");
    await requireReportFolder(path);
    mkdirSync(path);
    await requireReportFolder(path);
    writeFileSync(join(path, "index.html"), `<html><head>${reportMark}</head></html>`);
    await requireReportFolder(path);
  });

  it("refuses a folder of other files, and a page of somebody else", async () => {
    const path = join(folder, "site");
    mkdirSync(path);
    writeFileSync(join(path, "notes.txt"), "");
    await expect(requireReportFolder(path)).rejects.toThrow(/site is not empty and holds no report of revq/);
    writeFileSync(join(path, "index.html"), "<html></html>");
    await expect(requireReportFolder(path)).rejects.toThrow(/holds no report of revq/);
  });
});

it("says that a file is in the way, before and while a folder is made", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(requireEmptyFolder(join(folder, "file"))).rejects.toThrow(
    /file cannot be written: a file has that name/,
  );
  await expect(makeFolder(join(folder, "file/in"))).rejects.toThrow(/in cannot be written: .*file is a file/);
});

it("removes what a failed work has written, and a folder that was not there", async () => {
  const [fresh, empty] = [join(folder, "fresh"), join(folder, "empty")];
  mkdirSync(empty);
  for (const path of [fresh, empty]) {
    const work = async (): Promise<void> => {
      mkdirSync(join(path, "onnx"));
      writeFileSync(join(path, "onnx/encoder.onnx"), "half of it");
      throw new Error("the disk is full");
    };
    await expect(withEmptyFolder(path, work)).rejects.toThrow("the disk is full");
  }
  expect(existsSync(fresh)).toBe(false);
  expect(readdirSync(empty)).toEqual([]);
});
