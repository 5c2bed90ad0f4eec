/** What the worker computes about a quantizer, and how it reads weights, checked in Node. */
import { multigroup } from "@revq/quantizer-multigroup";
import { LatentSpace, Standardizer } from "@revq/tokenizer";
import { dct, none } from "@revq/transform-block";
import { tokenOrder } from "@revq/core";
import { openSafetensors, fromBuffer, writeSafetensors } from "@revq/formats";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCodebook } from "../src/worker/codebook.js";
import { channelLast, findFootprints } from "../src/worker/footprints.js";
import { principalMap } from "../src/worker/principal-map.js";
import { inBlocks } from "../src/worker/sources/block-source.js";
import { rangeCache } from "../src/worker/sources/range-cache.js";
import { readAhead, remoteFolder } from "../src/worker/sources/weights-sources.js";

const shape = { channels: 3, height: 4, width: 4 };
let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
});
afterAll(() => engine.dispose());

/** Standardizing changes nothing. */
async function spaceOf(plugin: typeof none): Promise<LatentSpace> {
  const statistics = { mean: new Float32Array(48), std: new Float32Array(48).fill(1) };
  const transform = await plugin.create({}, { latentShape: shape, tokens: 4 });
  return new LatentSpace(Standardizer.fromStatistics(shape, statistics), transform, { id: "standardized" });
}

describe("footprints and codebooks", () => {
  it.each(["channel", "spatial", "block"] as const)("are those of multigroup with the split %s", async (split) => {
    const tokens = 12;
    const before = tf.memory().numTensors;
    const space = await spaceOf(none);
    const quantizer = await multigroup.create(
      { tokens, codes: 5, split, groups: "token", iterations: 1, init: "sample", samplesPerCode: 1 },
      { latentShape: shape, transform: space.transform.layout },
    );
    const decoder = { latentShape: shape, space, quantizer };
    const dim = 48 / tokens;
    const values = Float32Array.from({ length: tokens * 5 * dim }, (_, i) => Math.sin(i + 1));
    const codebooks = tf.tensor(values, [tokens, 5, dim]);
    quantizer.restore({ codebooks });
    codebooks.dispose();

    const footprints = await findFootprints(decoder);
    const order = tokenOrder(shape, tokens, split);
    for (let token = 0; token < tokens; token++) {
      const indices = [...footprints.indices.subarray(footprints.starts[token], footprints.starts[token + 1])];
      const found = indices.map((index) => channelLast(index, shape)).sort((a, b) => a - b);
      expect(found).toEqual([...order.subarray(token * dim, (token + 1) * dim)].sort((a, b) => a - b));
    }

    const codebook = await readCodebook(decoder, footprints, 7, new AbortController().signal);
    expect(codebook.dim).toBe(dim);
    // The same values; indices are in the order of [c, h, w], the quantizer's in its own.
    for (let code = 0; code < 5; code++) {
      const own = [...values.subarray((7 * 5 + code) * dim, (7 * 5 + code + 1) * dim)].sort();
      expect([...codebook.vectors.subarray(code * dim, (code + 1) * dim)].sort()).toEqual(own);
    }
    quantizer.dispose();
    space.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("are in the latent, not in the coefficients", async () => {
    const space = await spaceOf(dct);
    const quantizer = await multigroup.create(
      { tokens: 4, codes: 3, split: "channel", groups: "token", iterations: 1, init: "sample", samplesPerCode: 1 },
      { latentShape: shape, transform: space.transform.layout },
    );
    const values = Float32Array.from({ length: 4 * 3 * 12 }, (_, i) => Math.sin(i + 1));
    quantizer.restore({ codebooks: tf.tensor(values, [4, 3, 12]) });
    const { starts } = await findFootprints({ latentShape: shape, space, quantizer });
    // A token has 12 coefficients of one or two channels. A coefficient acts on all 16 positions.
    expect([...starts]).toEqual([0, 16, 48, 80, 96]);
    quantizer.dispose();
    space.dispose();
  });

  it("map codes onto the plane of the largest variance", () => {
    // Points on a line through space: one component explains all, and distances along it are kept.
    const along = [-2, -1, 0, 3];
    const vectors = Float32Array.from(along.flatMap((t) => [t * 0.6, 5, t * 0.8]));
    const { map, explained } = principalMap(vectors, 4, 3);
    expect(explained[0]).toBeCloseTo(1, 6);
    expect(explained[1]).toBeCloseTo(0, 6);
    expect(Math.abs(map[6]! - map[0]!)).toBeCloseTo(5, 5);
    for (let i = 0; i < 4; i++) expect(map[2 * i + 1]).toBeCloseTo(0, 5);
  });

  it("map codes of many elements by the numbers that decide them", () => {
    // 60 codes of 3 numbers with variances 9, 4 and 1, in 200 elements by a matrix of orthonormal rows.
    const [n, d] = [60, 200];
    const numbers = Float64Array.from({ length: n * 3 }, (_, i) => (3 - (i % 3)) * Math.SQRT2 * wave(i));
    function wave(i: number): number {
      return Math.cos((2 * Math.PI * (1 + (i % 3)) * Math.floor(i / 3)) / n);
    }
    const rows = [1, 2, 3].map((k) =>
      Float64Array.from({ length: d }, (_, i) => Math.sqrt(2 / d) * Math.sin((2 * Math.PI * k * i) / d)),
    );
    const vectors = Float32Array.from(
      { length: n * d },
      (_, at) => 7 + rows.reduce((sum, row, k) => sum + numbers[Math.floor(at / d) * 3 + k]! * row[at % d]!, 0),
    );
    const { map, explained } = principalMap(vectors, n, d);
    expect(explained[0]).toBeCloseTo(9 / 14, 5);
    expect(explained[1]).toBeCloseTo(4 / 14, 5);
    for (const axis of [0, 1]) {
      const sign = Math.sign(map[axis]! * numbers[axis]!);
      for (let i = 0; i < n; i++) expect(sign * map[2 * i + axis]!).toBeCloseTo(numbers[3 * i + axis]!, 3);
    }
  });
});

describe("reading ahead", () => {
  it("asks for a file once, gives what it read to the next one who opens it, and reads anew after that", async () => {
    const files: Record<string, string> = { "/t/config.json": "{}", "/t/model.safetensors": "weights" };
    const asked: string[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url!);
      if (files[url!] === undefined) response.writeHead(404).end();
      else response.writeHead(200).end(files[url!]);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/t/`;
    readAhead(
      url,
      Object.keys(files).map((path) => path.slice(3)),
    );
    const progress: number[] = [];
    const context = {
      signal: new AbortController().signal,
      onProgress: ({ done }: { done: number }) => progress.push(done),
    };
    const folder = remoteFolder(url, ["config.json", "model.safetensors", "gone.json"], context);
    const text = async (name: string): Promise<string> => {
      const source = await folder.open(name);
      return new TextDecoder().decode(await source.read(0, source.size));
    };
    expect(await text("model.safetensors")).toBe("weights");
    expect(progress).toEqual([7]);
    expect(asked.filter((path) => path.endsWith("model.safetensors"))).toHaveLength(1);
    expect(await text("model.safetensors")).toBe("weights");
    expect(asked.filter((path) => path.endsWith("model.safetensors"))).toHaveLength(2);

    // What fails is told to the one who opens it, and is tried again.
    readAhead(url, ["gone.json"]);
    await expect(folder.open("gone.json")).rejects.toThrow("404");
    files["/t/gone.json"] = "back";
    expect(await text("gone.json")).toBe("back");
    server.close();
    server.closeAllConnections();
  });
});

describe("reading in blocks", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

  it("gives any range, asks for every block once, and reports how far it is", async () => {
    const asked: [number, number][] = [];
    const progress: number[] = [];
    const memory = fromBuffer("x", bytes);
    const source = inBlocks(
      {
        ...memory,
        read(offset, length) {
          asked.push([offset, length]);
          return memory.read(offset, length);
        },
      },
      (done) => progress.push(done),
      32,
    );
    expect([...(await source.read(30, 40))]).toEqual([...bytes.subarray(30, 70)]);
    expect([...(await source.read(95, 5))]).toEqual([95, 96, 97, 98, 99]);
    expect([...(await source.read(0, 0))]).toEqual([]);
    expect(asked).toEqual([
      [0, 32],
      [32, 32],
      [64, 32],
      [96, 4],
    ]);
    expect(progress.at(-1)).toBe(100);
    await expect(source.read(90, 11)).rejects.toMatchObject({ code: "byte-range" });
  });

  it("reads a safetensors file", async () => {
    const file = writeSafetensors([{ name: "a", shape: [3], data: Float32Array.of(1, 2, 3) }]);
    const opened = await openSafetensors(inBlocks(fromBuffer("f", file), () => {}, 16));
    expect(await opened.readFloat32("a")).toMatchObject({ data: Float32Array.of(1, 2, 3) });
  });
});

describe("the range cache", () => {
  /** Cache Storage as far as it is used here. */
  function memoryCaches(): CacheStorage {
    const kept = new Map<string, { body: ArrayBuffer; headers: Headers }>();
    const cache = {
      async match(key: string) {
        const hit = kept.get(key);
        return hit && new Response(hit.body, { headers: hit.headers });
      },
      async put(key: string, response: Response) {
        if (response.status === 206) throw new TypeError("partial responses are refused");
        kept.set(key, { body: await response.arrayBuffer(), headers: response.headers });
      },
      keys: async () => [...kept.keys()].map((url) => ({ url })),
      delete: async (key: string) => kept.delete(key),
    };
    return { open: async () => cache } as unknown as CacheStorage;
  }

  /** A server with ranges; the content is the tag, over and over. */
  function server(): { fetch: typeof fetch; asked: string[]; setTag(tag: string): void } {
    let tag = "one";
    const asked: string[] = [];
    const answer = async (_: unknown, init?: RequestInit): Promise<Response> => {
      const range = new Headers(init?.headers).get("range")!;
      asked.push(range);
      const [first, last] = range.match(/\d+/g)!.map(Number) as [number, number];
      const body = tag.repeat(100).slice(first, last + 1);
      return new Response(body, {
        status: 206,
        headers: { etag: `"${tag}"`, "content-range": `bytes ${first}-${last}/300` },
      });
    };
    return { fetch: answer as typeof fetch, asked, setTag: (next) => (tag = next) };
  }

  const url = "https://example.org/model.safetensors";
  const get = async (fetch: typeof globalThis.fetch, range: string): Promise<string> => {
    const response = await fetch(url, { headers: { range: `bytes=${range}` } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${range}/300`);
    return response.text();
  };

  it("answers from the cache the second time, after asking whether the file is the same", async () => {
    const { fetch, asked, setTag } = server();
    const caches = memoryCaches();
    for (let visit = 0; visit < 2; visit++) {
      const cached = rangeCache(caches, fetch);
      await get(cached, "0-0");
      expect(await get(cached, "3-8")).toBe("oneone");
    }
    expect(asked).toEqual(["bytes=0-0", "bytes=3-8", "bytes=0-0"]);
    setTag("two");
    const cached = rangeCache(caches, fetch);
    await get(cached, "0-0");
    expect(await get(cached, "3-8")).toBe("twotwo");
  });

  it("does without a cache where there is none", async () => {
    const { fetch, asked } = server();
    const plain = rangeCache(undefined, fetch);
    await get(plain, "0-0");
    await get(plain, "0-0");
    expect(asked.length).toBe(2);
  });
});
