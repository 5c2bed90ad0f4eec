import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scanCachedRepo, snapshotDownload } from "@huggingface/hub";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readAll } from "../src/index.js";
import { parseHubSpec } from "../src/hub/spec.js";
import { openWeights as openInBrowser } from "../src/open-weights.js";
import { openHub } from "../src/node/hub/open-hub.js";
import { openWeights } from "../src/node/index.js";
import { startHub, type HubServer } from "./hub-server.js";

const weights = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31) % 251);
const config = new TextEncoder().encode('{"_class_name": "AutoencoderKL"}');
const files = {
  "README.md": new TextEncoder().encode("# A model\n"),
  "vae/config.json": config,
  "vae/diffusion_pytorch_model.safetensors": weights,
};
const repository = "someone/a-vae";
const sha256 = createHash("sha256").update(weights).digest("hex");

let hub: HubServer;
let home: string;
beforeEach(async () => {
  hub = await startHub(repository, files);
  home = mkdtempSync(join(tmpdir(), "revq-hub-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  hub.close();
  rmSync(home, { recursive: true });
});

const root = (): string => join(home, "hub", "models--someone--a-vae");
const blob = (): string => join(root(), "blobs", sha256);
function open(spec = `hf:${repository}`, environment: Record<string, string> = {}, notes: string[] = []) {
  return openHub(spec, {
    environment: { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...environment },
    note: (line) => notes.push(line),
    pause: () => 1,
  });
}
const weightsPath = "vae/diffusion_pytorch_model.safetensors";
const bodies = (): string[] => hub.requests.filter((line) => line.startsWith("GET /storage/"));

describe.each([
  ["Node", open],
  ["a browser", (spec: string) => openInBrowser(spec, { environment: { HF_ENDPOINT: hub.endpoint } })],
])("a file of a repository in %s", (_, openIt) => {
  it("knows what is beside it", async () => {
    const source = await openIt(`hf:${repository}/${weightsPath}`);
    expect(await source.list()).toEqual(["diffusion_pytorch_model.safetensors"]);
    expect(await readAll((await source.beside!("config.json"))!)).toEqual(config);
    expect(await source.beside!("README.md")).toBeUndefined();
  });
});

describe("a spec of the hub", () => {
  it.each([
    ["hf:a/b", "a/b", "main", ""],
    ["hf:a/b@v1.0", "a/b", "v1.0", ""],
    ["hf:a/b/vae", "a/b", "main", "vae"],
    ["hf:a/b@refs/pr/7/vae/x.safetensors", "a/b", "refs/pr/7", "vae/x.safetensors"],
    ["hf:a/b@feature%2Fnew/x", "a/b", "feature/new", "x"],
    ["https://huggingface.co/a/b", "a/b", "main", ""],
    ["https://huggingface.co/a/b/tree/fp16/vae?x=1", "a/b", "fp16", "vae"],
    ["https://huggingface.co/a/b/resolve/main/taesd.pth", "a/b", "main", "taesd.pth"],
  ])("%s", (spec, repo, revision, path) => {
    expect(parseHubSpec(spec)).toEqual({ spec, repository: repo, revision, path });
  });

  it.each([
    "hf:",
    "hf:name",
    "hf:a/b@",
    "hf:a/b/../c",
    "hf:a/b//c",
    "hf:a/b--c",
    "hf:../b",
    "hf:a/b@x y",
    "hf:a/b/c\\d",
  ])("refuses %j", (spec) => {
    expect(() => parseHubSpec(spec)).toThrowError(expect.objectContaining({ code: "hub-spec" }));
  });
});

describe("a repository of the hub", () => {
  it("lists without downloading, then keeps what is opened in the layout that other tools share", async () => {
    const source = await open();
    expect(await source.list()).toEqual(["README.md", "vae/config.json", weightsPath]);
    expect(bodies()).toEqual([]);
    expect(await readAll(await source.open(weightsPath))).toEqual(weights);
    expect(await readAll(await source.open("vae/config.json"))).toEqual(config);
    expect(readFileSync(join(root(), "refs", "main"), "utf8")).toBe(hub.commit);
    // Of git: `git hash-object` of the same content.
    expect(readdirSync(join(root(), "blobs")).sort()).toEqual([gitHash(config), sha256].sort());
    const link = join(root(), "snapshots", hub.commit, weightsPath);
    expect(readlinkSync(link)).toBe(join("..", "..", "..", "blobs", sha256));

    hub.requests.length = 0;
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
    expect(bodies()).toEqual([]);
  });

  it("shares the cache with the hub's own client, both ways", async () => {
    const source = await open();
    for (const name of await source.list()) await source.open(name);
    const { revisions } = await scanCachedRepo(root());
    expect(revisions).toMatchObject([{ commitOid: hub.commit, refs: ["main"] }]);
    expect(revisions[0]!.files.map(({ path }) => path)).toEqual([join(root(), "snapshots", hub.commit, "README.md")]);

    const cache = join(home, "theirs");
    vi.spyOn(console, "debug").mockImplementation(() => {});
    await snapshotDownload({ repo: repository, cacheDir: cache, hubUrl: hub.endpoint });
    const offline = await open(undefined, { HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "true" });
    expect(await offline.list()).toEqual(await source.list());
    expect(await readAll(await offline.open(weightsPath))).toEqual(weights);
    hub.requests.length = 0;
    expect(await readAll(await (await open(undefined, { HF_HUB_CACHE: cache })).open(weightsPath))).toEqual(weights);
    expect(bodies()).toEqual([]);
  });

  it("takes a folder or a file of it", async () => {
    const folder = await open(`hf:${repository}/vae`);
    expect(await folder.list()).toEqual(["config.json", "diffusion_pytorch_model.safetensors"]);
    const file = await open(`hf:${repository}@${hub.commit}/${weightsPath}`);
    expect(await file.list()).toEqual(["diffusion_pytorch_model.safetensors"]);
    expect((await file.open("diffusion_pytorch_model.safetensors")).size).toBe(weights.length);
    await expect(open(`hf:${repository}/vea/config.json`)).rejects.toMatchObject({
      code: "weights-file-missing",
      fix: 'Did you mean "vae/config.json"?',
    });
    await expect(folder.open("confg.json")).rejects.toMatchObject({ fix: 'Did you mean "config.json"?' });
  });

  it("is opened by openWeights, with progress", async () => {
    const phases = new Set<string>();
    const source = await openWeights(`hf:${repository}`, {
      environment: { HF_HUB_CACHE: join(home, "elsewhere"), HF_ENDPOINT: `${hub.endpoint}/` },
      report: ({ phase }) => phases.add(phase),
    });
    await source.open(weightsPath);
    expect([...phases]).toEqual([`download ${repository} ${weightsPath} (MB)`, `check ${weightsPath} (MB)`]);
    expect(readdirSync(join(home, "elsewhere"))).toContain("models--someone--a-vae");
  });

  it("is read by byte ranges in a browser, without a copy", async () => {
    const source = await openInBrowser(`hf:${repository}/vae`, { environment: { HF_ENDPOINT: hub.endpoint } });
    const file = await source.open("diffusion_pytorch_model.safetensors");
    expect(file.size).toBe(weights.length);
    expect(await file.read(100, 3)).toEqual(weights.slice(100, 103));
    expect(bodies().at(-1)).toMatch(/bytes=100-102$/);
  });
});

describe("downloads that go wrong", () => {
  it("are taken up where the connection was cut", async () => {
    hub.fault.cut = { after: 1000, times: 3 };
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
    expect(bodies().map((line) => line.split(" ")[2])).toEqual([
      undefined,
      "bytes=1000-",
      "bytes=2000-",
      "bytes=3000-",
    ]);
  });

  it("keep what has arrived for the next time when it is given up", async () => {
    hub.fault.busy = 5;
    mkdirSync(join(root(), "blobs"), { recursive: true });
    writeFileSync(`${blob()}.incomplete`, weights.subarray(0, 1234));
    await expect((await open()).open(weightsPath)).rejects.toMatchObject({
      code: "download-cut",
      message: expect.stringContaining("1234 of 5000 bytes are stored"),
      fix: expect.stringContaining("continues where it stopped"),
    });
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
    expect(bodies().at(-1)).toMatch(/bytes=1234-$/);
    expect(readdirSync(join(root(), "blobs"))).toEqual([sha256]);
  });

  it("begin again when the server knows no ranges", async () => {
    hub.fault.noRanges = true;
    hub.fault.cut = { after: 4000, times: 2 };
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
  });

  it("with a wrong hash leave nothing behind", async () => {
    hub.fault.corrupt = 1;
    await expect((await open()).open(weightsPath)).rejects.toMatchObject({ code: "download-hash" });
    expect(readdirSync(join(root(), "blobs"))).toEqual([]);
    hub.fault.corrupt = 1;
    await expect((await open()).open("vae/config.json")).rejects.toMatchObject({
      code: "download-hash",
      message: expect.stringContaining(gitHash(config).slice(0, 12)),
    });
  });

  it("whose earlier part was wrong are fetched once more in full", async () => {
    mkdirSync(join(root(), "blobs"), { recursive: true });
    writeFileSync(`${blob()}.incomplete`, new Uint8Array(2000));
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
    writeFileSync(`${blob()}.incomplete`, new Uint8Array(6000));
    rmSync(blob());
    expect(await readAll(await (await open()).open(weightsPath))).toEqual(weights);
  });

  it("stop when they are told to, and keep their part", async () => {
    const abort = new AbortController();
    hub.fault.cut = { after: 1000, times: 1 };
    const source = await openHub(`hf:${repository}`, {
      environment: { HF_HOME: home, HF_ENDPOINT: hub.endpoint },
      signal: abort.signal,
      pause: () => {
        abort.abort(new Error("stopped"));
        return 1;
      },
    });
    await expect(source.open(weightsPath)).rejects.toThrow("stopped");
    expect(readFileSync(`${blob()}.incomplete`)).toHaveLength(1000);
  });

  it("of one file at the same time happen once", async () => {
    const [first, second] = await Promise.all([open(), open()]);
    const sources = await Promise.all([first.open(weightsPath), second.open(weightsPath)]);
    for (const source of sources) expect(await readAll(source)).toEqual(weights);
    expect(bodies()).toHaveLength(1);
  });
});

describe("access", () => {
  it("sends the token to the hub and not to where it redirects", async () => {
    hub.fault.token = "hf_secret";
    await expect(open()).rejects.toMatchObject({ code: "hub-denied", fix: expect.stringContaining("set HF_TOKEN") });
    await expect(open(undefined, { HF_TOKEN: "hf_wrong" })).rejects.toMatchObject({
      code: "hub-denied",
      fix: expect.stringContaining("token may read it"),
    });
    await (await open(undefined, { HF_TOKEN: "hf_secret" })).open(weightsPath);
    writeFileSync(join(home, "token"), "hf_secret\n");
    expect(await (await open()).list()).toHaveLength(3);
    expect(hub.storageAuthorization).toEqual([undefined]);
  });

  it.each([
    [404, "hub-not-found"],
    [429, "hub-busy"],
    [500, "hub-busy"],
    [418, "hub-answer"],
  ])("says what a status of %d means", async (status, code) => {
    hub.fault.status = status;
    await expect(open()).rejects.toMatchObject({ name: "RevqError", code, fix: expect.any(String) });
  });

  it("names an unknown repository and revision", async () => {
    await expect(open("hf:someone/else@v2")).rejects.toMatchObject({
      code: "hub-not-found",
      message: expect.stringContaining("someone/else at revision v2"),
    });
  });

  it("refuses names that lead out of the cache", async () => {
    const evil = await startHub(repository, { "../../evil.safetensors": weights });
    await expect(open(undefined, { HF_ENDPOINT: evil.endpoint })).rejects.toMatchObject({ code: "hub-answer" });
    evil.close();
  });
});

describe("without a network", () => {
  it("uses what the cache has", async () => {
    await (await open()).open(weightsPath);
    hub.requests.length = 0;
    const offline = await open(`hf:${repository}/vae`, { HF_HUB_OFFLINE: "1" });
    expect(await offline.list()).toEqual(["diffusion_pytorch_model.safetensors"]);
    expect(await readAll(await offline.open("diffusion_pytorch_model.safetensors"))).toEqual(weights);
    await expect(offline.open("config.json")).rejects.toMatchObject({ code: "hub-offline" });
    expect(hub.requests).toEqual([]);

    hub.close();
    const notes: string[] = [];
    const unreachable = await open(undefined, {}, notes);
    expect(await unreachable.list()).toEqual([weightsPath]);
    expect(notes).toEqual([expect.stringMatching(/cannot be reached .* Using the copy in the cache\.$/)]);
  });

  it("says what to do when the cache has nothing", async () => {
    await expect(open(undefined, { HF_HUB_OFFLINE: "1" })).rejects.toMatchObject({
      code: "hub-offline",
      message: expect.stringContaining("HF_HUB_OFFLINE is set"),
      fix: expect.stringContaining(`hf download ${repository}`),
    });
    hub.close();
    await expect(open()).rejects.toMatchObject({
      code: "hub-connection",
      fix: expect.stringContaining(`hf download ${repository}`),
    });
  });
});

/** https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
