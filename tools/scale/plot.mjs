/**
 * Draws docs/scale/scale.svg out of docs/scale/measurements.jsonl: processor time and memory against the number of images, processor time
 * against codes and tokens. Usage: node tools/scale/plot.mjs
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../../docs/scale/", import.meta.url);
const records = readFileSync(new URL("measurements.jsonl", folder), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const { document } = parseHTML("<html><body></body></html>");
const colours = { extract: "#4269d0", fit: "#d1660a", train: "#3a8a3a" };
const [width, height] = [460, 290];

function chart({ title, x, y, data, series }) {
  const colour = (record) => (series ? colours[record.stage] : "#4269d0");
  const last = series
    ? Object.keys(colours).map((stage) => data.filter((record) => record.stage === stage).at(-1))
    : [];
  return {
    title,
    svg: Plot.plot({
      document,
      width,
      height,
      marginLeft: 55,
      marginRight: 65,
      marginBottom: 40,
      x: { type: "log", label: x.label, ...x.scale },
      y: { label: y.label, grid: true, ...y.scale },
      marks: [
        Plot.line(data, { x: x.of, y: y.of, z: "stage", stroke: colour, sort: x.of }),
        Plot.dot(data, { x: x.of, y: y.of, fill: colour, r: 3.5 }),
        Plot.text(last.filter(Boolean), { x: x.of, y: y.of, text: "stage", fill: colour, dx: 8, textAnchor: "start" }),
      ],
    }),
  };
}

const ofImages = records.filter(({ images }) => images !== undefined);
const images = { label: "images", of: "images", scale: { tickFormat: "~s" } };
const seconds = { label: "processor seconds", of: "processor" };
const fromZero = (y) => ({ ...y, scale: { zero: true } });
const logarithmic = (y) => ({ ...y, scale: { type: "log", ticks: [2, 5, 10, 20, 50, 100, 200], tickFormat: "d" } });
const memory = { label: "largest memory, MiB", of: "mebibytes" };
const plain = (key) => ({
  label: key,
  of: key,
  scale: { ticks: [64, 128, 256, 512, 1024, 4096, 16384], tickFormat: "d" },
});
const by = (stage) => records.filter((record) => record.stage === stage);
const charts = [
  chart({ title: "Time against images", x: images, y: logarithmic(seconds), data: ofImages, series: true }),
  chart({ title: "Memory against images", x: images, y: fromZero(memory), data: ofImages, series: true }),
  chart({ title: "Codebooks: time against K (T = 512)", x: plain("codes"), y: fromZero(seconds), data: by("codes") }),
  chart({
    title: "Codebooks: time against T (K = 1024)",
    x: plain("tokens"),
    y: fromZero(seconds),
    data: by("tokens"),
  }),
];

const cells = charts.map(({ title, svg }, i) => {
  const [left, top] = [(i % 2) * (width + 20), Math.floor(i / 2) * (height + 45)];
  return `<g transform="translate(${left} ${top + 30})"><text x="10" y="-10" font-size="14" font-weight="600">${title}</text>${svg.outerHTML}</g>`;
});
const [allWidth, allHeight] = [2 * width + 20, 2 * (height + 45)];
const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${allWidth}" height="${allHeight}" viewBox="0 0 ${allWidth} ${allHeight}" font-family="system-ui, sans-serif">
<rect width="100%" height="100%" fill="white"/>
${cells.join("\n")}
</svg>
`;
writeFileSync(fileURLToPath(new URL("scale.svg", folder)), text);
