/** Special ids are checked before a tokenizer is loaded. */
import { expect, it } from "vitest";
import { parseReserve } from "../src/ids/form-flags.js";

it("reads names and counts", () => {
  expect(parseReserve(undefined)).toEqual([]);
  expect(parseReserve("bos, mask,classes:1000")).toEqual([
    { name: "bos", count: 1 },
    { name: "mask", count: 1 },
    { name: "classes", count: 1000 },
  ]);
});

it.each([
  ["bos,bos", /has "bos" twice/],
  ["bos:0", /has "bos:0", expected a count of 1 or more/],
  ["BOS", /has "BOS", expected a name of lower-case letters/],
  ["", /has "", expected a name, or a name and a count/],
  ["bos:x", /has "bos:x", expected a name, or a name and a count/],
])("refuses %j", (text, message) => {
  expect(() => parseReserve(text)).toThrow(message);
});
