/**
 * Writes a finished latent store of synthetic latents, faster than any backbone could: Gaussian, neighbouring channels correlated, every
 * latent a function of its number alone. Usage: node tools/scale/make-store.mjs FOLDER COUNT C,H,W [F32|F16]; build first.
 */
import { beginStore, joinStore, planStore, shardRange, writeShard } from "@revq/data";

const [folder, count = "1000", shape = "32,8,8", dtype = "F32"] = process.argv.slice(2);
const latentShape = shape.split(",").map(Number);
const size = latentShape.reduce((product, length) => product * length, 1);
const images = Array.from({ length: Number(count) }, (_, i) => ({ name: `synthetic-${i}`, bytes: 0 }));
const plan = planStore({
  key: { backbone: { id: "dc-ae", options: {}, fingerprint: "synthetic" }, imageSize: 256 },
  latentShape,
  dtype,
  source: "synthetic latents",
  images,
});
await beginStore(folder, plan, images);

/** Sum of four uniforms of an xorshift generator: near enough to a normal, and fast. Channels mix with the number before them. */
function fill(rows, seed) {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bf03635) | 1;
  let last = 0;
  for (let i = 0; i < rows.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const sum = (state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255) + (state >>> 24);
    last = 0.6 * last + (sum - 510) / 148;
    rows[i] = last;
  }
}

for (let shard = 0; shard < plan.shards; shard++) {
  const [from, to] = shardRange(shard, plan);
  const rows = new Float32Array((to - from) * size);
  for (let i = from; i < to; i++) fill(rows.subarray((i - from) * size, (i - from + 1) * size), i);
  const names = images.slice(from, to).map(({ name }) => name);
  await writeShard(folder, plan, shard, { rows, names, skipped: [] });
}
await joinStore(folder);
