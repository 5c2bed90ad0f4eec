/** Data sets of the hub, from a local server that speaks its API. */
import { encodePng, openImages, type IndexedImageSource } from "@revq/data";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { startHub, type HubServer } from "../../formats/test/hub-server.js";

const cases = join(import.meta.dirname, "../../../test/fixtures/cases");
const size = 8;
let hub: HubServer;
let home = "";

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "revq-dataset-"));
  const png = await encodePng({ width: size, height: size, pixels: new Uint8Array(size * size * 3) });
  hub = await startHub(
    "someone/photos",
    {
      ".gitattributes": Buffer.from("*.parquet filter=lfs"),
      "README.md": Buffer.from("# Photos"),
      "data/train-00000.parquet": await readFile(join(cases, "parquet-zstd.parquet")),
      "data/test-00000.parquet": await readFile(join(cases, "parquet-none.parquet")),
      "shards/0.tar": await readFile(join(cases, "hard-link.tar")),
      "loose/a b.png": png,
      "loose/c.png": png,
    },
    "datasets",
  );
});
afterAll(async () => {
  hub.close();
  await rm(home, { recursive: true });
});
beforeEach(() => {
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_TOKEN", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const key of Object.keys(hub.fault)) delete hub.fault[key as keyof typeof hub.fault];
});

async function read(spec: string | string[]): Promise<{ used: string[]; source: IndexedImageSource }> {
  const source = await openImages(spec, { size });
  const used: string[] = [];
  for await (const { names } of source.batches(4)) used.push(...names);
  expect(used.length + source.skipped.length + source.passedOver).toBe(source.found);
  return { used, source };
}

const rows = (file: string): string[] => [0, 1, 2].map((row) => `${file}/0000000${row}`);
const tar = ["0.tar/a.png", "0.tar/b.png"];

it.each([
  ["hf:datasets/someone/photos/data/train-00000.parquet", rows("train-00000.parquet")],
  ["hf:datasets/someone/photos/data", [...rows("train-00000.parquet"), ...rows("test-00000.parquet")]],
  ["hf:datasets/someone/photos/data/train-*.parquet", rows("train-00000.parquet")],
  ["hf:datasets/someone/photos/{data/test-00000.parquet,shards}@main", [...rows("test-00000.parquet"), ...tar]],
  ["hf:datasets/someone/photos@0123456789abcdef0123456789abcdef01234567/shards", tar],
  ["hf:datasets/someone/photos/loose/", ["a b.png", "c.png"]],
])("reads %s", async (spec, names) => {
  expect((await read(spec)).used).toEqual(names);
});

it("reads everything that is not hidden, and passes over what is no image", async () => {
  const { used, source } = await read("hf:datasets/someone/photos");
  expect([used.length, source.passedOver, source.found]).toEqual([10, 2, 12]);
  expect(used).toContain("shards/0.tar/b.png");
});

it("sends the token, and says that it is missing or refused", async () => {
  hub.fault.token = "hf_secret";
  const spec = "hf:datasets/someone/photos/shards";
  await expect(read(spec)).rejects.toMatchObject({ code: "hub-denied", fix: expect.stringMatching(/set HF_TOKEN/) });
  vi.stubEnv("HF_TOKEN", "hf_other");
  await expect(read(spec)).rejects.toMatchObject({
    code: "hub-denied",
    fix: expect.stringMatching(/the token may read/),
  });
  vi.stubEnv("HF_TOKEN", "hf_secret");
  expect((await read(spec)).used).toEqual(tar);
});

it("of a gated data set the list is public, the files are not", async () => {
  const source = await openImages("hf:datasets/someone/photos/loose", { size });
  hub.fault.token = "hf_secret";
  const reading = async (): Promise<void> => {
    for await (const _ of source.batches(1));
  };
  await expect(reading()).rejects.toMatchObject({ code: "hub-denied" });
});

it("tries again when the hub is busy", async () => {
  hub.fault.busy = 1;
  expect((await read("hf:datasets/someone/photos/shards")).used).toEqual(tar);
});

it("says what to do without a network, and uses the copy in the cache", async () => {
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  const spec = "hf:datasets/someone/photos/shards";
  await expect(read(spec)).rejects.toMatchObject({
    code: "hub-offline",
    fix: expect.stringMatching(/hf download someone\/photos --repo-type dataset/),
  });
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const root = join(home, "hub", "datasets--someone--photos");
  await mkdir(join(root, "refs"), { recursive: true });
  await mkdir(join(root, "snapshots", commit, "shards"), { recursive: true });
  await writeFile(join(root, "refs", "main"), commit);
  await writeFile(join(root, "snapshots", commit, "shards", "0.tar"), await readFile(join(cases, "hard-link.tar")));
  expect((await read(spec)).used).toEqual(tar);
});

it.each([
  ["hf:datasets/someone/other", "hub-not-found", /someone\/other/],
  ["hf:datasets/someone/photos/nothing", "data-no-match", /has no file nothing/],
  ["hf:datasets/alone", "hub-spec", /hf:datasets\/alone/],
  ["hf:someone/photos", "data-not-taken", /hf: is not taken/],
])("refuses %s", async (spec, code, message) => {
  await expect(read(spec)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
