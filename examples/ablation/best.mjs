// The trials that no other beats at as few bits: node best.mjs compared/trials.csv
import { readFile } from "node:fs/promises";

const [header, ...rows] = (await readFile(process.argv[2], "utf8"))
  .trim()
  .split("\n")
  .map((line) => line.split(","));
const trials = rows.map((row) => {
  const { name, bitsPerImage, rectifiedMse } = Object.fromEntries(header.map((column, i) => [column, row[i]]));
  return { name, bits: Number(bitsPerImage), mse: Number(rectifiedMse) };
});
trials.sort((a, b) => a.bits - b.bits || a.mse - b.mse);

let least = Infinity;
for (const { name, bits, mse } of trials) {
  if (mse >= least) continue;
  least = mse;
  console.log(`${bits.toFixed(0).padStart(6)} bits  latent mse ${mse.toFixed(4)}  ${name}`);
}
