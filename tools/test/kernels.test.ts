import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
// @ts-expect-error plain JavaScript, run by `npm run build:kernels`
import { compileKernel, kernels } from "../kernels/build.mjs";

const all = kernels as readonly { readonly target: string }[];

it.each(all)("$target is what its sources compile to", async (kernel) => {
  const committed = readFileSync(new URL(`../../${kernel.target}`, import.meta.url), "utf8");
  expect(await compileKernel(kernel)).toBe(committed);
});
