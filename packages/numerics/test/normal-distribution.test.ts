/** The normal distribution against tables (Abramowitz and Stegun, table 26.1; NIST). */
import { normalCumulative, normalQuantile } from "@revq/numerics";
import { expect, it } from "vitest";

it.each([
  [0, 0.5],
  [1, 0.841344746068543],
  [-1.96, 0.0249978951482204],
  [3, 0.99865010196837],
  [-8, 6.220960574271785e-16],
])("P(X <= %f) = %f", (x, p) => {
  expect(Math.abs(normalCumulative(x) - p)).toBeLessThan(1e-14);
});

it.each([
  [0.5, 0],
  [0.975, 1.959963984540054],
  [0.001, -3.090232306167813],
])("the %f quantile is %f", (p, x) => {
  expect(normalQuantile(p)).toBeCloseTo(x, 10);
});
