import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { ByteSource } from "@revq/core";
import { fromBlob, fromBuffer, fromUrl, openSafetensors, readAll } from "../src/index.js";
import { fromFile } from "../src/node/index.js";
import { golden, goldenBytes } from "./fixtures.js";

const file = "safetensors/all-dtypes.safetensors";
const bytes = goldenBytes(file);

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`;
}

interface Behaviour {
  ranges?: boolean;
  data?: () => Uint8Array;
  etag?: () => string;
  cutAfter?: number;
  noContentRange?: boolean;
  wrongStart?: boolean;
  length?: boolean;
}
const requests: string[] = [];

/** A file server with the faults that real ones have. */
function fileServer(behaviour: Behaviour = {}): RequestListener {
  requests.length = 0;
  return (request, response) => {
    const data = behaviour.data?.() ?? bytes;
    requests.push(request.headers.range ?? "");
    if (behaviour.etag) response.setHeader("etag", behaviour.etag());
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
    if (!range || behaviour.ranges === false) {
      if (behaviour.length !== false) response.setHeader("content-length", data.length);
      response.writeHead(200);
      response.write(data.subarray(0, 10));
      response.end(data.subarray(10));
      return;
    }
    const start = Number(range[1]);
    const end = Math.min(Number(range[2]), data.length - 1);
    if (start >= data.length) {
      response.writeHead(416, { "content-range": `bytes */${data.length}` }).end();
      return;
    }
    const body = data.subarray(start, end + 1);
    if (!behaviour.noContentRange) {
      response.setHeader("content-range", `bytes ${behaviour.wrongStart && start ? 0 : start}-${end}/${data.length}`);
    }
    response.writeHead(206, { "content-length": body.length });
    if (behaviour.cutAfter !== undefined && body.length > behaviour.cutAfter) {
      response.write(body.subarray(0, behaviour.cutAfter), () => setTimeout(() => response.destroy(), 20));
    } else response.end(body);
  };
}

const sources: readonly [string, () => Promise<ByteSource>][] = [
  ["memory", async () => fromBuffer("memory", bytes)],
  ["Blob", async () => fromBlob(new Blob([bytes.slice()]))],
  ["URL with ranges", async () => fromUrl(await serve(fileServer()))],
  ["URL without ranges", async () => fromUrl(await serve(fileServer({ ranges: false })))],
  ["URL without ranges and length", async () => fromUrl(await serve(fileServer({ ranges: false, length: false })))],
  ["file", () => fromFile(golden(file))],
];

describe.each(sources)("a byte source of %s", (_, make) => {
  it("reads any range, exactly", async () => {
    const source = await make();
    expect(source.size).toBe(bytes.length);
    expect(await source.read(0, 0)).toHaveLength(0);
    expect(await source.read(source.size, 0)).toHaveLength(0);
    expect(await source.read(3, 5)).toEqual(bytes.slice(3, 8));
    expect(await source.read(source.size - 1, 1)).toEqual(bytes.slice(-1));
    expect(new Uint8Array(await readAll(source))).toEqual(bytes);
    await source.close?.();
  });

  it("refuses what lies outside, without reading", async () => {
    const { read, size } = await make();
    for (const [offset, length] of [
      [0, size + 1],
      [size, 1],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
      [0, Infinity],
    ]) {
      await expect(read(offset!, length!)).rejects.toMatchObject({ name: "RevqError", code: "byte-range" });
    }
  });

  it("carries safetensors", async () => {
    const opened = await openSafetensors(await make());
    expect([...(await opened.readFloat32("z.float16")).data]).toEqual([-1.5, -1, -0.5, 0, 0.5, 1]);
  });
});

describe("fromBlob", () => {
  it("takes the name of a File", () => {
    expect(fromBlob(new File(["x"], "a.npy")).name).toBe("a.npy");
  });
});

describe("fromUrl", () => {
  it("reads only the ranges asked for and sends the headers given", async () => {
    let authorization: string | undefined;
    const listener = fileServer();
    const url = await serve((request, response) => {
      authorization = request.headers.authorization;
      listener(request, response);
    });
    const source = await fromUrl(url, { headers: { authorization: "Bearer x" } });
    await source.read(100, 8);
    expect(requests).toEqual(["bytes=0-0", "bytes=100-107"]);
    expect(authorization).toBe("Bearer x");
  });

  it("opens an empty file", async () => {
    expect((await fromUrl(await serve(fileServer({ data: () => new Uint8Array(0) })))).size).toBe(0);
  });

  it.each([true, false])("refuses a large file of a server without ranges (length announced: %s)", async (length) => {
    const url = await serve(fileServer({ ranges: false, length }));
    await expect(fromUrl(url, { maxWholeBody: 100 })).rejects.toMatchObject({
      code: "url-no-ranges",
      message: expect.stringContaining("ignores range requests"),
      fix: expect.stringContaining("Download"),
    });
  });

  it("names the status", async () => {
    const missing = await serve((_, response) => response.writeHead(404).end("no"));
    await expect(fromUrl(missing)).rejects.toMatchObject({
      code: "url-status",
      message: expect.stringContaining("404 Not Found"),
    });
    const denied = await serve((_, response) => response.writeHead(403).end());
    await expect(fromUrl(denied)).rejects.toThrow(/access denied/);
  });

  it("says when there is no server", async () => {
    const url = await serve(fileServer());
    closing.splice(0).forEach((close) => close());
    await expect(fromUrl(url)).rejects.toMatchObject({ code: "url-connection", message: expect.stringContaining(url) });
    await expect(fromUrl("not an url")).rejects.toMatchObject({ code: "url-connection" });
  });

  it("says when the connection is cut", async () => {
    const source = await fromUrl(await serve(fileServer({ cutAfter: 50 })));
    await expect(source.read(0, 1000)).rejects.toMatchObject({ name: "RevqError", code: "url-connection" });
  });

  it("says when the file changes between reads, by its tag and by its size", async () => {
    let version = 1;
    const tagged = await fromUrl(await serve(fileServer({ etag: () => `"${version}"` })));
    await tagged.read(0, 4);
    version = 2;
    await expect(tagged.read(0, 4)).rejects.toMatchObject({
      code: "url-range-answer",
      fix: expect.stringContaining("changed"),
    });
    let data = bytes;
    const growing = await fromUrl(await serve(fileServer({ data: () => data })));
    data = new Uint8Array(bytes.length + 1);
    await expect(growing.read(0, 4)).rejects.toMatchObject({ code: "url-range-answer" });
  });

  it("does not trust a server that answers another range or none", async () => {
    const wrong = await fromUrl(await serve(fileServer({ wrongStart: true })));
    await expect(wrong.read(8, 4)).rejects.toThrow(/bytes 8-11.*Content-Range "bytes 0-11/);
    await expect(fromUrl(await serve(fileServer({ noContentRange: true })))).rejects.toMatchObject({
      code: "url-no-content-range",
    });
  });
});
