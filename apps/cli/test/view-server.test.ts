/** What the server of `revq view` gives out and what it refuses, over raw HTTP: no client tidies a path or a header here. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { request, type IncomingHttpHeaders } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectServed } from "../src/view/served-files.js";
import { startViewServer, type ViewServer } from "../src/view/server.js";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let root: string;
let server: ViewServer;

function ask(path: string, headers: Record<string, string> = {}, method = "GET", host = "127.0.0.1"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port: server.port, path, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

const config = {
  formatVersion: 1,
  latentShape: [4, 8, 8],
  imageSize: 64,
  backbone: { id: "tae", options: {}, weights: "../weights", fingerprint: "0".repeat(64), embedded: false },
  quantizer: { id: "multigroup", options: {} },
  rectifier: { id: "identity", options: {} },
  tokens: { tokens: 32, groups: 4, codes: 16, vocabulary: 512, bitsPerImage: 128 },
  training: { recipe: "fit", preset: null, seed: 0 },
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "revq-view-"));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await write("secret.txt", "secret");
  await write("site/index.html", "<title>the page</title><!-- first paint: x --><img /><!-- /first paint -->");
  await write("site/assets/main-1a2b.js", "export {};");
  await write("tokenizer/config.json", JSON.stringify(config));
  await write("tokenizer/model.safetensors", "0123456789");
  await write("tokenizer/run/metrics.jsonl", "{}\n");
  await write("tokenizer/run/latents/train.npy", "latents");
  await write("tokenizer/.env", "secret");
  await write("weights/taesd_encoder.safetensors", "weights");
  await write("weights/notes.txt", "notes");
  await write("images/a b.png", "png");
  await write("images/deep/c.jpg", "jpg");
  await write("images/letter.txt", "text");
  await write("images/.hidden/d.png", "hidden");
  await symlink(join(root, "secret.txt"), join(root, "images", "out.png"));
  await symlink(root, join(root, "images", "up"));
  await symlink(join(root, "images", "a b.png"), join(root, "images", "inside.png"));
  const served = await collectServed({
    tokenizers: [join(root, "tokenizer")],
    images: [join(root, "images")],
    weights: undefined,
  });
  server = await startViewServer({ site: join(root, "site"), ...served, port: 0 });
});

afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

describe("revq view --images", () => {
  it("shows members of archives as PNG, whatever they are named", async () => {
    const tar = join(import.meta.dirname, "../../../test/fixtures/cases/hard-link.tar");
    const { view, images } = await collectServed({ tokenizers: [], images: [tar, tar], weights: undefined });
    expect(view.images).toEqual([
      { name: "hard-link.tar/a.png", url: "images/0.png" },
      { name: "hard-link.tar/b.png", url: "images/1.png" },
    ]);
    const png = (await images!.read("/images/1.png"))!;
    expect(Buffer.from(png.subarray(1, 4)).toString()).toBe("PNG");
    for (const path of ["/images/2.png", "/images/-1.png", "/images/a.png"])
      expect(await images!.read(path)).toBeNull();
  });
});

describe("revq view serves", () => {
  it("the page, at the root only", async () => {
    const page = await ask("/");
    // The first paint is of the bundled tokenizer, and this is another.
    expect([page.status, page.body]).toEqual([200, '<title>the page</title><p class="boot">Loading the viewer…</p>']);
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect((await ask("/?engine=cpu")).status).toBe(200);
  });

  it("a view.json that names what else there is", async () => {
    const { status, body } = await ask("/view.json");
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      tokenizers: [
        {
          name: "tokenizer",
          url: "tokenizers/0/",
          weights: { url: "weights/0/", files: ["taesd_encoder.safetensors"] },
        },
      ],
      images: ["a b.png", "deep/c.jpg", "inside.png"].map((name) => ({
        name,
        url: `images/${name.split("/").map(encodeURIComponent).join("/")}`,
      })),
    });
  });

  it.each([
    ["/tokenizers/0/config.json", JSON.stringify(config)],
    ["/tokenizers/0/run/metrics.jsonl", "{}\n"],
    ["/weights/0/taesd_encoder.safetensors", "weights"],
    ["/images/a%20b.png", "png"],
    ["/images/deep/c.jpg", "jpg"],
    ["/images/inside.png", "png"],
  ])("%s", async (path, body) => {
    expect(await ask(path)).toMatchObject({ status: 200, body });
  });

  it("byte ranges, with an entity tag", async () => {
    const path = "/tokenizers/0/model.safetensors";
    const part = await ask(path, { range: "bytes=2-4" });
    expect([part.status, part.body, part.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await ask(path, { range: "bytes=-3" })).toMatchObject({ status: 206, body: "789" });
    expect(await ask(path, { range: "bytes=7-99" })).toMatchObject({ status: 206, body: "789" });
    expect(await ask(path, { range: "bytes=10-" })).toMatchObject({ status: 416 });
    expect(await ask(path, { range: "lines=1-2" })).toMatchObject({ status: 200, body: "0123456789" });
    expect(await ask(path, {}, "HEAD")).toMatchObject({ status: 200, body: "" });
    expect(await ask(path, { "if-none-match": part.headers.etag! })).toMatchObject({ status: 304, body: "" });
  });

  it("strict headers with everything, refusals included", async () => {
    for (const path of ["/", "/view.json", "/nothing", "/images/a%20b.png"]) {
      const { headers } = await ask(path);
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["content-security-policy"]).not.toMatch(/unsafe-inline|'unsafe-eval'|script-src[^;]*blob:/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
      expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
      expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
  });
});

it("gives a range of the version that was begun, and the whole file of another", async () => {
  const path = "/tokenizers/0/model.safetensors";
  const { etag } = (await ask(path)).headers;
  const range = (ifRange: string): ReturnType<typeof ask> => ask(path, { range: "bytes=2-4", "if-range": ifRange });
  expect(await range(etag!)).toMatchObject({ status: 206, body: "234" });
  expect(await range('"another"')).toMatchObject({ status: 200, body: "0123456789" });
});

describe("revq view refuses", () => {
  it.each([
    // what is there, but was not named
    ["/tokenizers/0/.env", 403],
    ["/tokenizers/0/run/latents/train.npy", 403],
    ["/weights/0/notes.txt", 403],
    ["/images/letter.txt", 403],
    ["/images/.hidden/d.png", 403],
    // out of the folder
    ["/../secret.txt", 403],
    ["/images/../../secret.txt", 403],
    ["/images/..%2f..%2fsecret.txt", 403],
    ["/images/%2e%2e/secret.txt", 403],
    ["/images/..%5c..%5csecret.txt", 403],
    ["/images//etc/passwd", 403],
    ["/images/%2fetc%2fpasswd", 403],
    ["/assets/../../secret.txt", 403],
    ["/images/a%20b.png%00.txt", 403],
    ["/images/C:/secret.txt", 403],
    // a link out of the folder
    ["/images/out.png", 403],
    ["/images/up/secret.txt", 403],
    // what is not there, folders, paths that do not decode
    ["/nothing", 404],
    ["/index.php", 404],
    ["/images/", 404],
    ["/assets", 404],
    ["/tokenizers/1/config.json", 404],
    ["/images/%zz.png", 404],
  ])("%s with %i, and never with the page", async (path, status) => {
    const answer = await ask(path);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain("the page");
    expect(answer.body).not.toContain("secret");
  });

  it.each(["evil.example", "evil.example:80", "localhost", "127.0.0.1:1", "0.0.0.0:80"])(
    "the Host %j",
    async (host) => {
      expect(await ask("/", { host })).toMatchObject({ status: 403 });
    },
  );

  it("a request that another site makes", async () => {
    const own = `http://127.0.0.1:${server.port}`;
    expect((await ask("/view.json", { origin: own })).status).toBe(200);
    expect((await ask("/view.json", { origin: "https://evil.example" })).status).toBe(403);
    expect((await ask("/view.json", { origin: "null" })).status).toBe(403);
    expect((await ask("/view.json", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).status).toBe(403);
    expect((await ask("/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).status).toBe(200);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s, from this site or another", async (method) => {
    expect(await ask("/view.json", {}, method)).toMatchObject({ status: 405 });
    expect(await ask("/view.json", { origin: "https://evil.example" }, method)).toMatchObject({ status: 403 });
  });

  it("connections that do not come over loopback", async () => {
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((one) => one && !one.internal && one.family === "IPv4");
    if (!outer) return; // this machine has no other address
    await expect(ask("/", {}, "GET", outer.address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("a port that is taken, with what to do", async () => {
    const again = startViewServer({ site: root, view: {}, mounts: [], origins: [], port: server.port });
    await expect(again).rejects.toMatchObject({ code: "port-in-use" });
  });

  it("hosts other than those that a config.json names", async () => {
    expect((await ask("/")).headers["content-security-policy"]).toContain("connect-src 'self';");
    const named = async (weights: string): Promise<readonly string[]> =>
      (await collectServed({ tokenizers: [join(root, "tokenizer")], images: undefined, weights })).origins;
    expect(await named("https://example.org/vae/model.safetensors")).toEqual(["https://example.org"]);
    expect(await named("hf:owner/name")).toContain("https://huggingface.co");
    expect(await named(join(root, "nowhere"))).toEqual([]);
  });

  it("a folder that is no tokenizer, before anything is served", async () => {
    const served = collectServed({ tokenizers: [join(root, "images")], images: undefined, weights: undefined });
    await expect(served).rejects.toMatchObject({ code: "not-a-tokenizer" });
  });
});
