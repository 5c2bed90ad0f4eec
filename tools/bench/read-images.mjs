/**
 * How fast photographs are read, decoded, cropped and resized: images a second, and a second of processor time.
 *
 * Run after `tsc -b`: node tools/bench/read-images.mjs FOLDER [side 256] [rounds 3]
 */
import { loadavg } from "node:os";
import { openImages } from "@revq/data";

const [folder, side = "256", rounds = "3"] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round++) {
  const images = await openImages(folder, { size: Number(side) });
  const used = process.cpuUsage();
  const started = performance.now();
  let count = 0;
  for await (const { names } of images.batches(8)) count += names.length;
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(used);
  const processor = (user + system) / 1e6;
  console.log(
    JSON.stringify({
      images: count,
      perSecond: Math.round(count / seconds),
      perProcessorSecond: Math.round(count / processor),
      load: +loadavg()[0].toFixed(1),
    }),
  );
}
