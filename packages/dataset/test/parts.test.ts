/** Several processes, kills and other settings. */
import "@tensorflow/tfjs-backend-cpu";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTokenizer } from "../../tokenizer/test/tiny-tokenizer.js";
import { joinDataset, mergeDatasets, readTokens, type DatasetFormatId } from "../src/index.js";
import { filesOf, makePhotos, temporaryFolder, tokenize } from "./job.js";

const folder = temporaryFolder();
const photos = join(folder, "photos");
let tokenizer: Tokenizer;
const at = (name: string): string => join(folder, name);
const part = (index: number) => ({ index, count: 3 });

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  await makePhotos(photos, 13);
}, 60_000);
afterAll(() => {
  tokenizer.dispose();
  rmSync(folder, { recursive: true });
});

const formats: DatasetFormatId[] = ["webdataset", "parquet", "npy", "jsonl", "bin"];

describe.each(formats)("%s", (format) => {
  const run = (out: string, options = {}) =>
    tokenize(photos, at(`${format}-${out}`), tokenizer, { format, perShard: 2, augment: "flip", ...options });

  it("has the same bytes in parts, after a stop, and after damage", async () => {
    const whole = await run("whole");
    expect(whole.joined).toMatchObject({ samples: 26, crops: 2, shards: 7 });
    const expected = filesOf(at(`${format}-whole`));

    expect((await run("parts", { part: part(2) })).joined).toBeNull();
    const stop = new AbortController();
    const stopped = run("parts", { part: part(0), signal: stop.signal });
    stop.abort(new Error("stopped"));
    await expect(stopped).rejects.toThrow("stopped");
    expect((await run("parts", { part: part(1) })).joined).toBeNull();
    await expect(joinDataset(at(`${format}-parts`))).rejects.toThrow(/3 of 7 shards are missing \(0, 3, 6\)/);
    const early = readTokens(at(`${format}-parts`), { tokens: tokenizer.layout.count });
    await expect(early).rejects.toThrow(/3 of 7 shards are missing \(0, 3, 6\)/);
    // A file that was cut off by a crash has another size than its record says.
    const staged = [...filesOf(at(`${format}-parts`)).keys()].find((name) =>
      /00001-of-00007\.(tar|parquet|lines|ids)$/.test(name),
    )!;
    truncateSync(at(`${format}-parts/${staged}`), 10);
    expect((await run("parts", { part: part(0) })).joined).toBeNull();
    const last = await run("parts", { part: part(1) });
    expect(last).toMatchObject({ made: 1, kept: 1 });
    expect(last.joined).toEqual(whole.joined);
    expect(filesOf(at(`${format}-parts`))).toEqual(expected);

    expect(await run("parts")).toMatchObject({ made: 0, kept: 7 });
    await joinDataset(at(`${format}-parts`), { verify: true });
    expect(filesOf(at(`${format}-parts`))).toEqual(expected);
  }, 60_000);

  it("joins folders of machines without a common disk", async () => {
    await run("a", { part: part(0) });
    for (const index of [1, 2]) await run("b", { part: part(index) });
    await mergeDatasets([at(`${format}-a`), at(`${format}-b`)], at(`${format}-both`));
    await joinDataset(at(`${format}-both`));
    expect(filesOf(at(`${format}-both`))).toEqual(filesOf(at(`${format}-whole`)));
  }, 60_000);
});

it("other settings, other images and changed files are refused", async () => {
  const whole = (options = {}) =>
    tokenize(photos, at("npy-whole"), tokenizer, { format: "npy", perShard: 2, augment: "flip", ...options });
  await expect(whole({ augment: "none" })).rejects.toThrow(/augment was "flip", is "none"; crops was 2, is 1/);
  await expect(whole({ change: { vocabulary: tokenizer.vocabulary("groups") } })).rejects.toThrow(
    /vocabulary was "codes" of \d+ ids, is "groups" of \d+ ids\./,
  );
  await expect(whole({ effort: 2 })).rejects.toThrow(/effort was 0, is 2/);
  await tokenize(photos, at("effort"), tokenizer, { format: "npy", effort: 2 });
  await expect(tokenize(photos, at("effort"), tokenizer, { format: "npy" })).rejects.toThrow(/effort was 2, is 0/);
  await expect(whole({ change: { labels: null } })).rejects.toThrow(/labels was "folder" of 2 classes, is none/);
  await expect(tokenize(join(photos, "dogs"), at("npy-whole"), tokenizer, { format: "npy" })).rejects.toThrow(
    /other images than those of .*14 then, 7 now/,
  );
  cpSync(at("webdataset-whole"), at("changed"), { recursive: true });
  rmSync(at("changed/tokens-00002-of-00007.tar"));
  cpSync(at("changed/tokens-00001-of-00007.tar"), at("changed/tokens-00002-of-00007.tar"));
  await expect(joinDataset(at("changed"), { verify: true })).rejects.toThrow(/its content has changed/);
});

it("a file with fewer samples than are listed is refused", async () => {
  const tokens = tokenizer.layout.count;
  cpSync(at("bin-whole"), at("short"), { recursive: true });
  truncateSync(at("short/tokens.bin"), 6 * tokens * 2);
  await expect(readTokens(at("short/tokens.bin"), { tokens })).rejects.toThrow(/holds 6 samples, .* lists 26/);
  cpSync(at("jsonl-whole"), at("lines"), { recursive: true });
  rmSync(at("lines/job"), { recursive: true });
  const lines = readFileSync(at("lines/tokens.jsonl"), "utf8").split("\n");
  writeFileSync(at("lines/tokens.jsonl"), lines.slice(0, 5).join("\n"));
  await expect(readTokens(at("lines"), { tokens })).rejects.toThrow(/hold 5 samples, and dataset.json lists 26/);
  expect((await readTokens(at("lines"), { tokens, limit: 4 })).ids.length).toBe(4 * tokens);
});

it("a final file that is lost is made again", async () => {
  const expected = filesOf(at("npy-whole"));
  unlinkSync(at("npy-whole/tokens.npy"));
  const again = await tokenize(photos, at("npy-whole"), tokenizer, { format: "npy", perShard: 2, augment: "flip" });
  expect(again.made).toBe(7);
  expect(filesOf(at("npy-whole"))).toEqual(expected);
  expect(existsSync(at("npy-whole/job/tokens-00000-of-00007.ids"))).toBe(false);
}, 60_000);
