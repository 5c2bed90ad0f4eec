/** The kit must see every broken promise: it is run, by vitest, over plugins that are each broken in one way. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { imageSource, latentSource, randomImages, randomLatents } from "../src/index.js";

const workspace = resolve(import.meta.dirname, "../../..");
let folder: string;
/** Titles of the failed tests (below the plugin's `describe`), by plugin. */
const failed = new Map<string, string[]>();

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-testkit-"));
  const output = join(folder, "report.json");
  const vitest = join(workspace, "node_modules/vitest/vitest.mjs");
  const file = "packages/testkit/test/fixtures/broken.test.ts";
  await new Promise<void>((done) => {
    execFile(
      process.execPath,
      [
        vitest,
        "run",
        "--config",
        "packages/testkit/test/fixtures/vitest.config.ts",
        "--reporter=json",
        `--outputFile=${output}`,
        file,
      ],
      { cwd: workspace, env: { ...process.env, REVQ_TEST_ENGINES: "cpu", VITEST: undefined, CI: undefined } },
      () => done(), // it fails, as it must
    );
  });
  const report = JSON.parse(await readFile(output, "utf8")) as Report;
  for (const { ancestorTitles, title, status } of report.testResults.flatMap(
    ({ assertionResults }) => assertionResults,
  )) {
    const plugin = /conformance of the \w+ (\S+)/.exec(ancestorTitles.join(" "))![1]!;
    const titles = failed.get(plugin) ?? [];
    if (status === "failed") titles.push(title);
    failed.set(plugin, titles);
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

it("passes a sound plugin", () => {
  expect(failed.get("sound")).toEqual([]);
});

it.each([
  { plugin: "leaks", test: "leaves no tensor behind" },
  { plugin: "forgets", test: "gives the same codes and latents every time, and the same fit for the same seed" },
  { plugin: "mixes-batch", test: "treats each latent of a batch alone" },
  { plugin: "out-of-range", test: "gives codes [n, t] int32 within their codebooks, and latents [n, h, w, c] float32" },
  { plugin: "float-codes", test: "gives codes [n, t] int32 within their codebooks, and latents [n, h, w, c] float32" },
  { plugin: "no-restore", test: "takes its state up in a fresh instance, which then gives the same output" },
  { plugin: "loose-options", test: "refuses an option that it does not have, by name" },
  { plugin: "loose-options", test: "describes every option" },
  { plugin: "unreached", test: "if it trains: gradients reach every variable and the input" },
])("sees that $plugin is broken: $test", ({ plugin, test }) => {
  expect(failed.get(plugin)).toContain(test);
});

it("makes the same data for the same seed, and sources that deliver it", async () => {
  const shape = { channels: 2, height: 3, width: 2 };
  const latents = randomLatents(shape, 5, 1);
  expect(latents).toEqual(randomLatents(shape, 5, 1));
  expect(latents).not.toEqual(randomLatents(shape, 5, 2));
  const source = latentSource(shape, latents);
  expect(source.count).toBe(5);
  expect(await source.read([3, 0])).toEqual(Float32Array.of(...latents.slice(36, 48), ...latents.slice(0, 12)));

  const pixels = randomImages(4, 5, 1);
  expect(pixels.every((value) => value >= -1 && value <= 1)).toBe(true);
  const [names, values]: [string[], number[]] = [[], []];
  for await (const batch of imageSource(4, pixels).batches(2)) {
    names.push(...batch.names);
    values.push(...batch.pixels);
  }
  expect(new Set(names).size).toBe(5);
  expect(values).toEqual([...pixels]);
});
