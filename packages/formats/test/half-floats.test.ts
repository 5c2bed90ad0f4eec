import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../src/index.js";
import { golden } from "./fixtures.js";

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe("float16", () => {
  it("widens every bit pattern to the value that IEEE 754 defines", () => {
    const wide = float16ToFloat32(all);
    for (let half = 0; half < 65536; half++) {
      const sign = half & 0x8000 ? -1 : 1;
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      const expected =
        exponent === 31
          ? fraction
            ? Number.NaN
            : sign * Infinity
          : sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
      if (!Object.is(wide[half], expected)) expect(`${half}: ${wide[half]}`).toBe(`${half}: ${expected}`);
    }
  });

  it("comes back the same, NaN payloads of quiet NaNs included", () => {
    const back = float32ToFloat16(float16ToFloat32(all));
    for (let half = 0; half < 65536; half++) {
      const signalling = (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0 && (half & 0x200) === 0;
      if (back[half] !== (signalling ? half | 0x200 : half)) expect(back[half]).toBe(half);
    }
  });

  it("rounds ties to even, and what lies beside a tie to its neighbour", () => {
    for (let half = 0; half < 0x7bff; half++) {
      const [low, high] = float16ToFloat32(Uint16Array.of(half, half + 1)) as unknown as [number, number];
      const tie = Float32Array.of((low + high) / 2); // exact: float32 has 13 more bits
      const bits = bitsOf(tie)[0]!;
      const around = new Float32Array(Uint32Array.of(bits - 1, bits, bits + 1).buffer);
      const expected = [half, half % 2 === 0 ? half : half + 1, half + 1];
      const got = [...float32ToFloat16(around)];
      if (got.join() !== expected.join()) expect(got).toEqual(expected);
    }
  });
});

describe("half floats", () => {
  const cases = JSON.parse(readFileSync(golden("half-floats/half-floats.json"), "utf8")) as Record<string, number[]>;
  const values = new Float32Array(Uint32Array.from(cases["float32"]!).buffer);

  it.each([
    ["float16", float32ToFloat16, float16ToFloat32],
    ["bfloat16", float32ToBfloat16, bfloat16ToFloat32],
  ] as const)("%s narrows as numpy and ml_dtypes do", (name, narrow, widen) => {
    const got = narrow(values);
    cases[name]!.forEach((expected, i) => {
      if (Number.isNaN(values[i])) expect(widen(got.subarray(i, i + 1))[0]).toBeNaN();
      else expect(got[i], `bits ${cases["float32"]![i]!.toString(16)}`).toBe(expected);
    });
  });

  it("bfloat16 widens to the upper half of a float32 and comes back the same", () => {
    const wide = bitsOf(bfloat16ToFloat32(all));
    for (let i = 0; i < 65536; i++) if (wide[i] !== i * 65536) expect(wide[i]).toBe(i * 65536);
    const back = float32ToBfloat16(bfloat16ToFloat32(all));
    for (let i = 0; i < 65536; i++) if (back[i] !== i && (i & 0x7fff) <= 0x7f80) expect(back[i]).toBe(i);
  });
});
