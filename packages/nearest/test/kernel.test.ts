import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
// @ts-expect-error plain JavaScript, run by `npm run build:kernel`
import { compileKernel } from "../kernel/build.js";

it("is what the sources in kernel/ compile to", async () => {
  const committed = readFileSync(new URL("../src/wasm/kernel.generated.ts", import.meta.url), "utf8");
  expect(await compileKernel()).toBe(committed);
});
