/**
 * Feeds the parsers of files that users bring with damaged ones: mutations of valid files and random bytes. Only typed errors may come
 * out, in bounded time and memory. Usage: node tools/faults/fuzz.mjs [inputs per parser, default 100000] [seed] [parser]; build first.
 */
import { isRevqError } from "@revq/core";
import { fromBuffer, indexTar, openPth, openSafetensors, readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { parseTokenizerConfig } from "@revq/tokenizer";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readIds } from "../../apps/cli/dist/ids-file.js";

const [inputs = "100000", seed = "1", only] = process.argv.slice(2);
const slowest = 2000; // milliseconds; on a loaded machine, a hang is far beyond
const mostMemory = 1.5 * 2 ** 30;
const folder = await mkdtemp(join(tmpdir(), "revq-fuzz-"));
const target = join(folder, "files");

let state = Number(seed) >>> 0 || 1;
const random = (limit) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
};

/** One to eight changes: a byte, a bit, a number at its limits, a part cut out, doubled or moved, the end cut off. */
function mutate(original) {
  if (random(50) === 0) return Buffer.from(Array.from({ length: random(300) }, () => random(256)));
  let bytes = Buffer.from(original);
  for (let change = random(8); change >= 0; change--) {
    if (bytes.length === 0) return bytes;
    // The beginning, where headers are, is hit more often.
    const at = random(2) ? random(Math.min(bytes.length, 512)) : random(bytes.length);
    const kind = random(7);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at] ^= 1 << random(8);
    else if (kind === 2) bytes[at] = [0, 0x7f, 0x80, 0xff, 0x30, 0x39, 0x22, 0x7b][random(8)];
    else if (kind === 3) bytes = bytes.subarray(0, at);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]);
    else if (kind === 5)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(at + 1), at), bytes.subarray(at)]);
    else {
      const digits = ["9".repeat(1 + random(18)), "-1", "1e999", "null", "[]", "{}", '"\\u0000"', "../../x"][random(8)];
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(digits), bytes.subarray(at + random(4))]);
    }
  }
  return bytes;
}

const ids = Int32Array.from({ length: 32 }, (_, i) => i % 4);
const spec = { tokens: 16, codes: [4], groupOf: new Int32Array(16) };
const floats = Float32Array.from({ length: 24 }, (_, i) => i / 7);
const config = {
  formatVersion: 2,
  latentShape: [8, 4, 4],
  imageSize: 32,
  backbone: {
    id: "linear",
    package: "@revq/backbone-linear",
    options: { patch: 8 },
    weights: null,
    fingerprint: "0".repeat(64),
    embedded: true,
  },
  quantizer: { id: "multigroup", package: "@revq/quantizer-multigroup", options: { tokens: 16, codes: 4 } },
  rectifier: { id: "identity", package: "@revq/rectifier-identity", options: {} },
  tokens: { tokens: 16, groups: 1, codes: 4, vocabulary: 64, bitsPerImage: 32 },
  training: { recipe: "fit", preset: null, seed: 0 },
};
const idsJson = {
  tokens: 16,
  vocabulary: 64,
  offsetGroups: false,
  images: [{ name: "a.jpg", ids: Array.from(ids.slice(0, 16)) }],
};

function tarSeed() {
  const images = join(import.meta.dirname, "../../packages/data/test/fixtures");
  return execFileSync("tar", ["--format=posix", "-C", images, "-c", "bytes.parquet", "words.parquet"]);
}

const pthPath = join(resolve(process.env.REVQ_SHARED ?? "../shared"), "fixtures/official_style_ckpt_T256_K32.pth");

/** Reads everything that a parser offers. Each takes the bytes; those of ids go through a file. */
const parsers = {
  safetensors: {
    seed: () =>
      writeSafetensors(
        [
          { name: "a.weight", shape: [2, 3, 4], data: floats },
          { name: "b", shape: [32], data: ids },
        ],
        { format: "pt" },
      ),
    async parse(bytes) {
      const file = await openSafetensors(fromBuffer("fuzz", bytes));
      for (const name of file.tensors.keys()) await file.readFloat32(name);
    },
  },
  npy: { seed: () => writeNpy({ shape: [2, 3, 4], data: floats }), parse: (bytes) => readNpy(bytes) },
  tar: {
    seed: tarSeed,
    async parse(bytes) {
      const source = fromBuffer("fuzz", bytes);
      for await (const { offset, size } of indexTar(source)) await source.read(offset, size);
    },
  },
  pth: existsSync(pthPath) && {
    seed: () => readFileSync(pthPath),
    fewer: 10, // the file is larger
    async parse(bytes) {
      const file = await openPth(fromBuffer("fuzz", bytes));
      for (const name of [...file.tensors.keys()].slice(0, 3)) await file.readFloat32(name);
    },
  },
  config: {
    seed: () => Buffer.from(JSON.stringify(config, null, 2)),
    parse: async (bytes) => parseTokenizerConfig(new TextDecoder().decode(bytes), "fuzz"),
  },
  "ids.json": { seed: () => Buffer.from(JSON.stringify(idsJson)), parse: (bytes) => idsFile("ids.json", bytes) },
  "ids.npy": { seed: () => writeNpy({ shape: [2, 16], data: ids }), parse: (bytes) => idsFile("ids.npy", bytes) },
  "ids.safetensors": {
    seed: () =>
      writeSafetensors([{ name: "ids", shape: [2, 16], data: ids }], {
        names: '["a","b"]',
        vocabulary: "64",
        offsetGroups: "false",
      }),
    parse: (bytes) => idsFile("ids.safetensors", bytes),
  },
};

async function idsFile(name, bytes) {
  const path = `${target}-${name}`;
  await writeFile(path, bytes);
  return readIds(path, spec, false);
}

let failures = 0;
for (const [name, parser] of Object.entries(parsers)) {
  if (!parser || (only && only !== name)) continue;
  const original = Buffer.from(parser.seed());
  await parser.parse(original); // the seed itself is valid
  const count = Math.ceil(Number(inputs) / (parser.fewer ?? 1));
  let [accepted, refused, longest] = [0, 0, 0];
  const codes = new Set();
  for (let i = 0; i < count; i++) {
    const bytes = mutate(original);
    const start = performance.now();
    try {
      await parser.parse(bytes);
      accepted++;
    } catch (error) {
      if (isRevqError(error)) {
        refused++;
        codes.add(error.code);
      } else {
        failures++;
        console.log(`${name}, input ${i}: ${error?.stack ?? error}`);
        await writeFile(join(tmpdir(), `revq-fuzz-${name}-${i}`), bytes);
      }
    }
    longest = Math.max(longest, performance.now() - start);
    if (process.memoryUsage.rss() > mostMemory) throw new Error(`${name}, input ${i}: memory`);
  }
  if (longest > slowest) failures++;
  console.log(
    `${name}: ${count} inputs, ${refused} refused (${codes.size} kinds), ${accepted} read, slowest ${longest.toFixed(0)} ms, ${failures} failures so far`,
  );
}
const left = (await readdir(folder)).filter((name) => !name.startsWith("files-"));
if (left.length > 0) failures++;
await rm(folder, { recursive: true });
process.exitCode = failures > 0 ? 1 : 0;
