import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { Coder, ratesFor } from "../src/coder.js";
import { rateClasses } from "../src/rates.js";
import { plainSearch } from "../src/search.js";
import { firstTables } from "../src/tables.js";

it("the kernel finds the paths of plain TypeScript, at every rate", () => {
  const random = createRandom(3);
  const deviations = Float32Array.from({ length: 402 }, (_, i) => 2 ** (i / 50 - 4)); // no multiple of 4
  const tables = firstTables(random.fork("tables"));
  const rates = ratesFor(deviations, 900);
  expect(new Set(rates).size).toBe(rateClasses.length + 1);
  const settings = { deviations, rates, tables, tokens: 90, codes: 1024 };
  const [kernel, plain] = [new Coder(settings), new Coder(settings, plainSearch)];
  for (let image = 0; image < 5; image++) {
    const coefficients = deviations.map((deviation) => deviation * random.normal());
    const found = kernel.encode(coefficients);
    const expected = plain.encode(coefficients);
    expect(found.found).toEqual(expected.found);
    expect(found.ids).toEqual(expected.ids);
  }
});
