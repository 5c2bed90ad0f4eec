// Prints every trial with the lowest error at its bits or fewer: node best.mjs compared/trials.csv
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

let lowest = Infinity;
for (const { name, bits, mse } of trials) {
  if (mse >= lowest) continue;
  lowest = mse;
  console.log(`${bits.toFixed(0).padStart(6)} bits  latent mse ${mse.toFixed(4)}  ${name}`);
}
