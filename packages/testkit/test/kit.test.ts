/**
 * The kit must see every broken promise: vitest runs it over plugins that are each broken in one
 * way.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { imageSource, latentSource, randomImages, randomLatents } from "../src/index.js";

const workspace = resolve(import.meta.dirname, "../../..");
let folder: string;
/** Titles of the failed and of the skipped tests (below the plugin's `describe`), by plugin. */
const failed = new Map<string, string[]>();
const skipped = new Map<string, string[]>();

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
        "packages/testkit/test/fixtures",
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
    for (const [titles, wanted] of [
      [failed, "failed"],
      [skipped, "skipped"],
    ] as const) {
      const found = titles.get(plugin) ?? [];
      titles.set(plugin, status === wanted ? [...found, title] : found);
    }
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

it("passes a sound plugin", () => {
  expect(failed.get("sound")).toEqual([]);
});

it("skips, and does not pass, what a plugin does not have", () => {
  expect([...new Set(skipped.get("sound"))].sort()).toEqual([
    "gradients: leave no tensor behind, and depend on their random generator alone",
    "gradients: reach every variable",
    "host codebooks: look ids up as dequantize does, and sum gradients by code as tfjs does",
    "keeps to a budget of 1 bits, or refuses it with a RevqError",
    "keeps to a budget of 1000 bits, or refuses it with a RevqError",
    "keeps to a budget of 10000000 bits, or refuses it with a RevqError",
    "keeps to a budget of 64 bits, or refuses it with a RevqError",
    "offers candidates of equal tokens and bits, also for another transform's",
    "refuses a state without its tensors",
    "resolves for 10 samples to options that its schema takes",
    "resolves for 1000 samples to options that its schema takes",
    "resolves for 1000000 samples to options that its schema takes",
    "resolves the same way every time, keeps resolved options, and leaves no tensor",
    "takes its own sets of options",
  ]);
});

it.each([
  { plugin: "eager", test: "loads no tfjs when it is imported: only create does" },
  { plugin: "leaks", test: "leaves no tensor behind" },
  { plugin: "forgets", test: "gives the same ids and coefficients every time, and the same fit for the same seed" },
  { plugin: "mixes-batch", test: "treats each latent of a batch alone" },
  {
    plugin: "out-of-range",
    test: "gives ids [n, t] int32 within their codebooks, and coefficients [n, h, w, c] float32",
  },
  { plugin: "float-ids", test: "gives ids [n, t] int32 within their codebooks, and coefficients [n, h, w, c] float32" },
  { plugin: "other-graph", test: "graph: finds the same ids by tensor operations" },
  { plugin: "other-layout", test: "knows its layout and counts its parameters without being created" },
  { plugin: "no-restore", test: "restores its state in a fresh instance, which then gives the same output" },
  { plugin: "loose-options", test: "refuses an option that it does not have, by name" },
  { plugin: "loose-options", test: "describes every option" },
  { plugin: "one-way", test: "is inverted by its inverse, on the engine and on the host" },
  { plugin: "unreached", test: "gradients reach every variable and the input" },
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
