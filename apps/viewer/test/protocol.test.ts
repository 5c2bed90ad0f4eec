/** Page and worker talking over a real message channel: events, failures, order, cancelling. */
import { isRevqError, RevqError } from "@revq/core";
import { afterEach, describe, expect, it } from "vitest";
import { createClient, type Call, type Port } from "../src/protocol/client.js";
import type { LoadProgress } from "../src/protocol/messages.js";
import { serve, type Handlers, type ServerPort } from "../src/protocol/server.js";

const memory = { tensors: 1, tensorBytes: 4 };
let ports: MessagePort[] = [];

function connect(handlers: Partial<Handlers>): Call {
  const { port1, port2 } = new MessageChannel();
  ports = [port1, port2];
  serve(port2 as unknown as ServerPort, handlers as Handlers);
  const call = createClient(port1 as unknown as Port);
  for (const port of ports) port.start();
  return call;
}

afterEach(() => ports.forEach((port) => port.close()));

const load = { slot: "a", source: { kind: "url", name: "x", url: "https://example.org/x/", weights: null } } as const;

describe("the protocol", () => {
  it("delivers events in order, then the response", async () => {
    const call = connect({
      async load(_, { emit }) {
        for (const done of [1, 2, 3]) emit({ file: "f", done, total: 3 });
        return { name: "x" } as never;
      },
    });
    const events: LoadProgress[] = [];
    expect(await call("load", load, { onEvent: (event) => events.push(event) })).toEqual({ name: "x" });
    expect(events.map(({ done }) => done)).toEqual([1, 2, 3]);
  });

  it("carries a RevqError's code, message and fix, and a defect's message", async () => {
    const call = connect({
      async memory() {
        throw new RevqError("some-code", "It is so.", { fix: "Do this." });
      },
      async unload() {
        throw new TypeError("x is undefined");
      },
    });
    const error: unknown = await call("memory", null).catch((reason: unknown) => reason);
    expect(isRevqError(error) && [error.code, error.message, error.fix]).toEqual([
      "some-code",
      "It is so.",
      "Do this.",
    ]);
    await expect(call("unload", { slot: "a" })).rejects.toMatchObject({
      code: "unexpected",
      message: "x is undefined",
    });
  });

  it("starts to read ahead beside the call that runs", async () => {
    let release = (): void => {};
    const call = connect({
      load: () => new Promise((resolve) => (release = () => resolve({ name: "x" } as never))),
      ahead: async () => null,
    });
    const loading = call("load", load);
    expect(await call("ahead", { url: "https://example.org/x/" })).toBeNull();
    release();
    expect(await loading).toEqual({ name: "x" });
  });

  it("answers one call at a time, in order", async () => {
    const log: string[] = [];
    const call = connect({
      async load() {
        log.push("load begins");
        await new Promise((resolve) => setTimeout(resolve, 20));
        log.push("load ends");
        return {} as never;
      },
      async memory() {
        log.push("memory");
        return memory;
      },
    });
    await Promise.all([call("load", load), call("memory", null)]);
    expect(log).toEqual(["load begins", "load ends", "memory"]);
  });

  it("cancels what runs, skips what waits, and goes on", async () => {
    let aborted = false;
    let waiting = 0;
    const call = connect({
      load: (_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          }),
        ),
      async unload() {
        waiting++;
        return null;
      },
      memory: async () => memory,
    });
    const [running, queued] = [new AbortController(), new AbortController()];
    const first = call("load", load, { signal: running.signal });
    const second = call("unload", { slot: "a" }, { signal: queued.signal });
    queued.abort(new Error("not needed"));
    running.abort(new Error("superseded"));
    await expect(first).rejects.toThrow("superseded");
    await expect(second).rejects.toThrow("not needed");
    expect(await call("memory", null)).toEqual(memory);
    expect(aborted).toBe(true);
    expect(waiting).toBe(0);
  });
});
