/** Faults that were found on the page, each with its kind. */
import { isRevqError, RevqError } from "@revq/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { countAllImages, runImage, stopCounting } from "../src/page/actions/images.js";
import { sourceOfUrl } from "../src/page/actions/tokenizers.js";
import { App, lostDevice } from "../src/page/app.js";
import { wholeBelow } from "../src/page/code-field.js";
import { zoomsBy } from "../src/page/elements/viewport.js";
import { carriesFiles } from "../src/page/file-drag.js";
import { chartsOf } from "../src/page/metrics-file.js";
import { nothingEncoded, openedOf, type ImageEntry, type OpenedTokenizer } from "../src/page/state.js";
import { engineText } from "../src/page/views/dialogs.js";
import { createClient, type Call, type CallOptions, type Port } from "../src/protocol/client.js";
import type { CallName } from "../src/protocol/messages.js";
import { serve, type Handlers, type ServerPort } from "../src/protocol/server.js";
import { decodeImage, stripRows } from "../src/worker/decode-image.js";
import { decodedPixels, differs, patternOf } from "../src/worker/canvas-noise.js";
import { rangeCache } from "../src/worker/sources/range-cache.js";

const image = (id: string, origin: ImageEntry["origin"] = "own"): ImageEntry => ({
  id,
  name: `${id}.png`,
  url: "",
  blob: new Blob(["x"]),
  origin,
  credit: null,
  featured: true,
});

function tokenizer(): OpenedTokenizer {
  const layout = { count: 1, codebookSizes: [2], groupOf: Int32Array.of(0) };
  return {
    status: "ready",
    description: { name: "t", layout, backbone: "b", noImages: null, config: { imageSize: 8 } },
    encoded: null,
    busy: false,
    decoding: false,
    problem: null,
    codebooks: new Map(),
    counts: new Int32Array(2),
    counted: new Set(),
    batch: null,
    metrics: undefined,
  } as unknown as OpenedTokenizer;
}

/** A page whose worker answers as it is told. */
function pageWith(
  answer: (name: CallName, request: unknown, options?: CallOptions<CallName>) => Promise<unknown>,
): App {
  const app = new App(answer as unknown as Call);
  app.store.set({ a: tokenizer(), images: [image("one"), image("two")], image: "one" });
  return app;
}

describe("fields of codes and groups", () => {
  it("take whole numbers of the codebook; an empty field is no code 0", () => {
    expect(["0", " 7 ", "15"].map((text) => wholeBelow(text, 16))).toEqual([0, 7, 15]);
    expect(["", " ", "16", "-1", "1.5", "1e1", "x"].map((text) => wholeBelow(text, 16))).toEqual(Array(7).fill(null));
  });
});

describe("the wheel and drags", () => {
  it("scrolls the page, and zooms with a key or a pinch", () => {
    expect(zoomsBy({ ctrlKey: false, metaKey: false })).toBe(false);
    expect(zoomsBy({ ctrlKey: true, metaKey: false })).toBe(true);
    expect(zoomsBy({ ctrlKey: false, metaKey: true })).toBe(true);
  });

  it("shows the veil for files, not for text", () => {
    expect(carriesFiles({ types: ["Files"] })).toBe(true);
    expect(carriesFiles({ types: ["text/plain", "text/html"] })).toBe(false);
    expect(carriesFiles(null)).toBe(false);
  });
});

describe("addresses", () => {
  const base = "https://example.org/page/";
  it("are addresses: other text does not become a request", () => {
    expect(sourceOfUrl("https://a.org/t", base)).toMatchObject({ url: "https://a.org/t/", name: "t" });
    expect(sourceOfUrl("/t/", base)).toMatchObject({ url: "https://example.org/t/" });
    expect(sourceOfUrl("./t", base)).toMatchObject({ url: "https://example.org/page/t/" });
    expect(sourceOfUrl("hf:o/n", base)).toMatchObject({ url: "hf:o/n" });
    for (const text of ["my photos", "tokenizer", "", "example.org/t", "ftp://a.org/t", "javascript:1"]) {
      expect(() => sourceOfUrl(text, base), text).toThrow(expect.objectContaining({ code: "address" }) as Error);
    }
  });
});

describe("notices", () => {
  afterEach(() => vi.useRealTimers());

  it("stand beside each other, each for its own time", () => {
    vi.useFakeTimers();
    const app = pageWith(async () => null);
    app.notice("wrong", "error");
    app.notice("copied");
    app.notice("copied");
    const texts = (): string[] => app.store.state.notices.map(({ text }) => text);
    expect(texts()).toEqual(["wrong", "copied"]);
    vi.advanceTimersByTime(4000);
    expect(texts()).toEqual(["wrong"]);
    vi.advanceTimersByTime(60_000);
    expect(texts()).toEqual(["wrong"]); // an error stays until it is dismissed
    app.dismiss(app.store.state.notices[0]!);
    expect(texts()).toEqual([]);
    for (const text of ["1", "2", "3", "4"]) app.notice(text);
    expect(texts()).toEqual(["2", "3", "4"]);
  });

  it("of an open dialog are in the dialog, not under its backdrop", () => {
    const app = pageWith(async () => null);
    app.store.set({ dialog: "ids" });
    app.report(new RevqError("ids-shape", "There are 3 ids."));
    expect(app.store.state.notices).toEqual([]);
    expect(app.store.state.dialogProblem).toMatchObject({ message: "There are 3 ids." });
  });
});

describe("counting codes", () => {
  it("stops for the tokenizer that it counts, and two do not overwrite each other", async () => {
    let release = (): void => {};
    const app = pageWith(async (_, __, options) => {
      await new Promise<void>((resolve, reject) => {
        release = resolve;
        options?.signal?.addEventListener("abort", () => reject(options.signal!.reason as Error));
      });
      return { milliseconds: 1 };
    });
    app.store.set({ b: tokenizer() });
    const counting = countAllImages(app, "a");
    await vi.waitFor(() => expect(openedOf(app.store.state, "a")!.batch).toEqual({ done: 0, total: 2 }));
    app.store.set({ active: "b" });
    expect(openedOf(app.store.state, "b")!.batch).toBeNull();
    release();
    await vi.waitFor(() => expect(openedOf(app.store.state, "a")!.batch).toEqual({ done: 1, total: 2 }));
    stopCounting(app, "a");
    await counting;
    expect(openedOf(app.store.state, "a")!.batch).toBeNull();
  });
});

describe("a broken file", () => {
  it("does not replace a good result, and does not stay", async () => {
    const app = pageWith(async () => {
      throw new RevqError("image-unreadable", "The image two.png cannot be read.");
    });
    const good = { ...nothingEncoded("one"), milliseconds: 5 };
    app.store.setOpened("a", () => ({ encoded: good }));
    app.store.set({ image: "two" });
    await runImage(app, "a");
    const { images, image: shown } = app.store.state;
    expect(openedOf(app.store.state, "a")).toMatchObject({ encoded: good, problem: { code: "image-unreadable" } });
    expect([shown, images.map(({ id }) => id)]).toEqual(["one", ["one"]]);
  });

  it("that is too large is refused before it is read, with the right remedy", async () => {
    const read = vi.fn();
    const huge = { size: 3e9, stream: read, arrayBuffer: read } as unknown as Blob;
    const error: unknown = await decodeImage(huge, "huge.png", 8).catch((reason: unknown) => reason);
    expect(isRevqError(error) && [error.code, error.fix]).toEqual([
      "image-too-large",
      "Make it smaller; the tokenizer sees a few hundred pixels of it.",
    ]);
    expect(read).not.toHaveBeenCalled();
  });
});

describe("canvases", () => {
  it("are read in strips below the limit of iOS", () => {
    expect(stripRows(4000, 3000, 2 ** 24)).toBe(3000);
    expect(stripRows(12_000, 8000, 2 ** 24) * 12_000).toBeLessThanOrEqual(2 ** 24);
    expect(stripRows(100_000_000, 1, 2 ** 24)).toBe(1);
  });

  it("that add noise are noticed, and refused where nothing else decodes", async () => {
    const pattern = patternOf(16);
    expect(differs(pattern, pattern.slice())).toBe(false);
    const noisy = pattern.slice();
    noisy[5]! ^= 1;
    expect(differs(pattern, noisy)).toBe(true);
    await expect(decodedPixels(new Blob(["x"]), 1, 1)).rejects.toMatchObject({ code: "canvas-noise" });
  });
});

describe("curves", () => {
  it("have charts of different names, and a series for each run", () => {
    const run = {
      name: "metrics.jsonl",
      records: [
        { epoch: 1, psnr: 20 },
        { step: 5, psnr: 21 },
      ],
    };
    const charts = chartsOf([run, run]);
    expect(charts.map(({ title }) => title)).toEqual(["psnr, by epoch", "psnr, by step"]);
    expect(charts[0]!.series.map(({ label }) => label)).toEqual(["metrics.jsonl", "metrics.jsonl (2)"]);
  });
});

describe("the engine", () => {
  it("is named once", () => {
    expect(engineText("WebAssembly", "WebAssembly")).toBe("WebAssembly.");
    expect(engineText("WebGPU", "an adapter")).toBe("WebGPU: an adapter.");
  });

  it("says how to go on when the device is lost", () => {
    expect(lostDevice("the driver was reset.")).toMatchObject({
      message: "The browser has lost the GPU device: the driver was reset.",
      fix: expect.stringContaining("WebAssembly") as string,
    });
  });
});

describe("the worker", () => {
  it("answers small calls between the steps of a long one", async () => {
    const { port1, port2 } = new MessageChannel();
    const order: string[] = [];
    const handlers: Partial<Handlers> = {
      async encode(_, { rest }) {
        order.push("encode 1");
        await rest();
        order.push("encode 2");
        return { milliseconds: 1 };
      },
      async memory() {
        order.push("memory");
        return { tensors: 0, tensorBytes: 0 };
      },
      async unload() {
        order.push("unload");
        return null;
      },
    };
    serve(port2 as unknown as ServerPort, handlers as Handlers);
    const call = createClient(port1 as unknown as Port);
    for (const port of [port1, port2]) port.start();
    const encode = { slot: "a", image: null as unknown as Blob, name: "", idsOnly: true } as const;
    await Promise.all([call("encode", encode), call("unload", { slot: "a" }), call("memory", null)]);
    expect(order).toEqual(["encode 1", "memory", "encode 2", "unload"]);
    for (const port of [port1, port2]) port.close();
  });
});

describe("ranges of a file that changes", () => {
  it("ask for the version that was begun, and are never mixed", async () => {
    let tag = '"one"';
    const asked: (string | null)[] = [];
    const server: typeof fetch = async (_, init) => {
      const headers = new Headers(init?.headers);
      asked.push(headers.get("if-range"));
      const whole = headers.has("if-range") && headers.get("if-range") !== tag;
      return new Response("x", { status: whole ? 200 : 206, headers: { etag: tag, "content-range": "bytes 0-0/9" } });
    };
    const store = new Map<string, Response>();
    const cache = {
      match: async (key: string) => store.get(key)?.clone(),
      put: async (key: string, response: Response) => void store.set(key, response),
      keys: async () => [],
    };
    const get = rangeCache({ open: async () => cache } as unknown as CacheStorage, server);
    const range = (text: string): Promise<Response> => get("https://a.org/f", { headers: { range: `bytes=${text}` } });
    await range("0-0");
    await range("1-1");
    tag = '"two"';
    await expect(range("2-2")).rejects.toMatchObject({ code: "weights-changed" });
    expect(asked).toEqual([null, '"one"', '"one"']);
  });
});
