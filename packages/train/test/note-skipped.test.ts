/** What people read about images that are skipped. */
import { expect, it } from "vitest";
import { noteSkipped } from "../src/index.js";

function notes(reasons: readonly string[]): string[] {
  const lines: string[] = [];
  noteSkipped(
    reasons.map((reason, i) => ({ name: `${i}.png`, reason })),
    (line) => lines.push(line),
  );
  return lines;
}

it("names each of a few skipped images, and of many the first with their number for every reason", () => {
  expect(notes(["a", "a"])).toEqual(["Skipped 0.png: a", "Skipped 1.png: a"]);
  expect(notes([...new Array<string>(1000).fill("damaged"), "empty", "empty"])).toEqual([
    "Skipped 0.png, 1.png and 998 more: damaged",
    "Skipped 1000.png, 1001.png: empty",
  ]);
  const each = notes(Array.from({ length: 25 }, (_, i) => `reason ${i}`));
  expect([each.length, each.at(-1)]).toEqual([21, "Skipped 5 more images."]);
});
