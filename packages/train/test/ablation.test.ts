/** The trials of a grid and their order. Nothing is trained here: `test/` runs the command. */
import { describe, expect, it } from "vitest";
import { expandGrid, parseGrid, runScheduled } from "../src/index.js";

describe("the grid", () => {
  it("is the cross product of its axes, then its list", () => {
    const trials = expandGrid({
      base: { train: { epochs: 2 } },
      axes: { "quantizer.id": ["vq", "fsq"], "quantizer.tokens": [16, 64] },
      trials: [{ name: "the paper's", recipe: "paper", train: { batch: 8 } }],
    });
    expect(trials.map(({ name }) => name)).toEqual([
      "vq-tokens16",
      "vq-tokens64",
      "fsq-tokens16",
      "fsq-tokens64",
      "the-paper-s",
    ]);
    expect(trials[3]!.layer).toEqual({ train: { epochs: 2 }, quantizer: { id: "fsq", tokens: 64 } });
    expect(trials[4]!.layer).toEqual({ train: { epochs: 2, batch: 8 }, recipe: "paper" });
  });
  it("gives every trial a name of its own", () => {
    const names = expandGrid({ trials: [{ name: "a" }, { name: "a" }, {}] }).map(({ name }) => name);
    expect(names).toEqual(["a", "a-2", "trial-3"]);
  });
  it("that is empty or not one is refused", () => {
    expect(() => expandGrid({})).toThrow(/nothing to try/);
    expect(() => parseGrid({ axis: {} }, "grid.yaml")).toThrow(/grid.yaml is not a grid/);
    expect(() => parseGrid({ axes: { "quantizer.id": [] } }, "grid.yaml")).toThrow(/quantizer.id/);
  });
});

describe("the schedule", () => {
  interface Event {
    readonly trial: string;
    readonly end: boolean;
  }
  async function order(
    trials: readonly [string, string][],
    jobs: number,
    fails: readonly string[] = [],
  ): Promise<Event[]> {
    const events: Event[] = [];
    await runScheduled(
      trials.map(([trial, key]) => ({ trial, key })),
      jobs,
      async (trial) => {
        events.push({ trial, end: false });
        await new Promise((resolve) => setTimeout(resolve, 5));
        events.push({ trial, end: true });
        return !fails.includes(trial);
      },
    );
    return events;
  }
  const at = (events: readonly Event[], trial: string, end: boolean): number =>
    events.findIndex((event) => event.trial === trial && event.end === end);

  it("lets one trial encode the images before others use them, and other backbones start meanwhile", async () => {
    const events = await order(
      [
        ["a1", "a"],
        ["a2", "a"],
        ["a3", "a"],
        ["b1", "b"],
      ],
      2,
    );
    expect(events).toHaveLength(8);
    expect(at(events, "a2", false)).toBeGreaterThan(at(events, "a1", true));
    expect(at(events, "b1", false)).toBeLessThan(at(events, "a1", true));
  });
  it("never runs more than it may", async () => {
    const events = await order(
      [1, 2, 3, 4, 5].map((i) => [`t${i}`, `k${i}`]),
      2,
    );
    let running = 0;
    for (const { end } of events) {
      running += end ? -1 : 1;
      expect(running).toBeLessThanOrEqual(2);
    }
  });
  it("after a first trial that failed the next one encodes", async () => {
    const events = await order(
      [
        ["a1", "a"],
        ["a2", "a"],
        ["a3", "a"],
      ],
      3,
      ["a1"],
    );
    expect(at(events, "a2", false)).toBeGreaterThan(at(events, "a1", true));
    expect(at(events, "a3", false)).toBeGreaterThan(at(events, "a2", true));
  });
});
