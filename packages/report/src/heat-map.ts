/** Numbers on a grid as colours. */
import { chart, Plot } from "./chart.js";
import { short } from "./format.js";
import { html, type Html } from "./html.js";

export interface HeatMapOptions {
  readonly description: string;
  /** Row-major. */
  readonly values: readonly number[];
  readonly columns: number;
  /** The range of the colours; default: that of the values. */
  readonly domain?: readonly [number, number];
  /** Label of a value, for its tooltip. */
  readonly label?: (index: number) => string;
  readonly format?: (value: number) => string;
  /** Axis labels. */
  readonly x?: string;
  readonly y?: string;
}

/** Stops of viridis, for the scale below the map; the map uses Plot's scheme of that name. */
const ramp = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
const widest = 560;

export function heatMap(options: HeatMapOptions): Html {
  const { description, values, columns, format = short, label = (index) => `${index}`, x, y } = options;
  const finite = values.filter(Number.isFinite);
  const [low, high] = options.domain ?? [Math.min(...finite), Math.max(...finite)];
  const rows = Math.ceil(values.length / columns);
  const cell = Math.max(4, Math.min(16, Math.floor(widest / columns)));
  const cells = values.map((value, index) => ({ value, index, x: index % columns, y: Math.floor(index / columns) }));
  const axis = (count: number) => ({
    domain: Array.from({ length: count }, (_, i) => i),
    ticks: Array.from({ length: count }, (_, i) => i).filter((i) => i % Math.ceil(count / 8) === 0),
    tickSize: 0,
    padding: 0,
  });
  return html`${chart({
      description,
      width: columns * cell + 60,
      height: rows * cell + 50,
      marginLeft: 40,
      marginRight: 20,
      marginTop: 20,
      marginBottom: 30,
      x: { ...axis(columns), label: x ?? null },
      y: { ...axis(rows), label: y ?? null },
      color: { type: "linear", scheme: "viridis", domain: [low, high === low ? low + 1 : high], clamp: true },
      marks: [
        Plot.cell(cells, {
          x: "x",
          y: "y",
          fill: "value",
          inset: cell > 8 ? 0.5 : 0,
          title: ({ index, value }: { index: number; value: number }) => `${label(index)}: ${format(value)}`,
        }),
      ],
    })}
    <p class="ramp">
      ${format(low)}<i style="background: linear-gradient(to right, ${ramp.join(", ")})"></i>${format(high)}
    </p>`;
}

/** Columns for a map of `count` values that is about twice as wide as high. */
export function gridColumns(count: number): number {
  if (count <= 32) return Math.max(1, count);
  let columns = 2 ** Math.ceil(Math.log2(Math.sqrt(2 * count)));
  while (columns > 128) columns /= 2;
  return columns;
}
