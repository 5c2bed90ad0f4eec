/** Reads the shared latents (npy) for these benchmarks, standardized and channel-major. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = process.env.REVQ_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
const folder = join(root, "data", "latents");

function readNpy(path) {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, start);
  const raw = new Uint8Array(bytes.subarray(start)).buffer;
  if (header.includes("<f4")) return new Float32Array(raw);
  if (header.includes("<f8")) return Float32Array.from(new Float64Array(raw));
  return Float32Array.from(new Uint16Array(raw), (bits) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}

/** `{train, val}`: float32 `[n, 2048]`, or null if the data is missing. */
export function readLatents() {
  if (!existsSync(join(folder, "train.f16.npy"))) return null;
  const mean = readNpy(join(folder, "train_mean.npy"));
  const std = readNpy(join(folder, "train_std.npy"));
  const standardize = (values) => values.map((value, i) => (value - mean[i % 2048]) / std[i % 2048]);
  return {
    train: standardize(readNpy(join(folder, "train.f16.npy"))),
    val: standardize(readNpy(join(folder, "val.npy"))),
  };
}
