/** The main job on the versions of Node that revq supports, with npm's package `node`. A part of `npm run test:full`. */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleImages, temporaryFolder } from "./support/revq.js";

const run = promisify(execFile);
const binary = fileURLToPath(new URL("../apps/cli/bin/revq.js", import.meta.url));
const versions = ["22", "24", "26"];
const isFull = process.env["REVQ_TEST_FULL"] === "1";

describe.skipIf(!isFull)("the main job (needs REVQ_TEST_FULL=1 and a package registry)", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    await mkdir(join(folder.path, "photos"));
    for (const name of (await readdir(sampleImages)).slice(0, 8))
      await cp(join(sampleImages, name), join(folder.path, "photos", name));
  });
  afterAll(() => folder.remove());

  describe.each(versions)("on Node %s", (version) => {
    let node: string;
    const revq = async <T>(...args: string[]): Promise<T> => {
      const { stdout } = await run(node, [binary, ...args, "--json"], { cwd: folder.path, maxBuffer: 2 ** 26 });
      return JSON.parse(stdout) as T;
    };

    beforeAll(async () => {
      const npx = ["--yes", "--package", `node@${version}`, "node", "--print", "process.execPath"];
      node = (await run("npx", npx, { cwd: folder.path })).stdout.trim();
    }, 300_000);

    it("is the version that it says", async () => {
      expect((await run(node, ["--version"])).stdout).toMatch(new RegExp(`^v${version}\\.`));
    });

    it("trains, encodes, decodes and scores", async () => {
      const small = ["--backbone", "linear", "--image-size", "32", "--tokens", "16", "--codes", "4", "--lpips", "none"];
      const cnn = ["--rectifier", "cnn", "--set", "rectifier.channels=4", "--picture-steps", "10", "--epochs", "1"];
      const out = `tokenizer-${version}`;
      const trained = await revq<{ engine: string; psnr: number }>(
        ...["train", "--data", "photos", ...small, ...cnn, "-o", out],
      );
      expect(trained.engine, "the engine that is fast without a GPU").not.toBe("cpu");
      expect(trained.psnr).toBeGreaterThan(5);
      const ids = `ids-${version}.json`;
      expect(await revq("encode", out, "photos", "-o", ids)).toMatchObject({ images: 8, tokens: 16 });
      const decoded = await revq<{ images: string[] }>("decode", out, ids, "-o", `decoded-${version}`);
      expect(decoded.images).toHaveLength(8);
      expect(await revq("eval", out, "--data", "photos", "--lpips", "none")).toMatchObject({ images: 8 });
    }, 300_000);

    it("reads a configuration that is written in TypeScript", async () => {
      await writeFile(join(folder.path, "settings.ts"), "const seed: number = 7;\nexport default { seed };\n");
      const printed = (await run(node, [binary, "config", "--config", "settings.ts"], { cwd: folder.path })).stdout;
      expect(printed).toContain("seed: 7");
    }, 60_000);
  });

  it("gives the same tokenizer on all of them", async () => {
    const models = await Promise.all(
      versions.map((version) => readFile(join(folder.path, `tokenizer-${version}`, "model.safetensors"))),
    );
    for (const model of models) expect(model).toEqual(models[0]);
  });
});
