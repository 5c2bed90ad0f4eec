/** `<rv-chart>`: the series of one chart through uPlot, in the page's colours. */
import type uPlot from "uplot";
import type { Chart } from "../metrics-file.js";
import { define } from "./canvas-element.js";

const colours = ["--accent", "--warm", "--green", "--violet", "--ink-2", "--pink"];

export class LineChart extends HTMLElement {
  private shown: Chart | null = null;
  private plot: uPlot | null = null;
  private readonly sizes = new ResizeObserver(() => {
    this.plot?.setSize({ width: this.clientWidth, height: chartHeight });
  });
  private readonly onTheme = (): void => void this.build();

  connectedCallback(): void {
    this.sizes.observe(this);
    document.addEventListener("revq-theme", this.onTheme);
    void this.build();
  }

  disconnectedCallback(): void {
    this.sizes.disconnect();
    document.removeEventListener("revq-theme", this.onTheme);
    this.plot?.destroy();
    this.plot = null;
  }

  set content(chart: Chart) {
    if (chart === this.shown) return;
    this.shown = chart;
    if (this.isConnected) void this.build();
  }

  /** The library is loaded with the first chart: most visits draw none. */
  private async build(): Promise<void> {
    const { shown } = this;
    const { default: UPlot } = await import("uplot");
    this.plot?.destroy();
    this.plot = null;
    if (!shown || shown !== this.shown || this.clientWidth === 0) return;
    const { axis, series, title } = shown;
    const style = getComputedStyle(this);
    const colour = (name: string): string => {
      this.style.color = `var(${name})`;
      const value = style.color;
      this.style.color = "";
      return value;
    };
    const [ink, line] = [colour("--ink-3"), colour("--line")];
    const axisStyle = {
      stroke: ink,
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line, width: 1 },
      font: axisFont,
    };
    this.plot = new UPlot(
      {
        width: this.clientWidth,
        height: chartHeight,
        cursor: { points: { size: 6 } },
        scales: {
          x: { time: false },
          // The axis of a share ends at 1. A flat line is drawn in the middle.
          ...(title.startsWith("usage") ? { y: { range: [0, 1.02] } } : {}),
        },
        axes: [
          { ...axisStyle, label: axis, labelFont: axisFont, labelSize: 18, size: 28, incrs: wholeSteps },
          { ...axisStyle, size: 54 },
        ],
        series: [
          { label: axis },
          ...series.map(({ label, x }, i) => ({
            label,
            stroke: colour(colours[i % colours.length]!),
            width: 1.75,
            dash: i >= colours.length ? [6, 4] : [],
            spanGaps: true,
            points: { show: x.length < 40, size: 5 },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : readable(value)),
          })),
        ],
      },
      joined(series),
      this,
    );
  }
}

/** Epochs and passes are counted: 1, 2, 5, 10, … apart. */
const wholeSteps = Array.from({ length: 8 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const chartHeight = 260;
const axisFont = "11px ui-sans-serif, system-ui, sans-serif";

function readable(value: number): string {
  return value === 0 || Math.abs(value) >= 0.001 ? value.toPrecision(4) : value.toExponential(2);
}

/** Series with x values of their own as columns over all x values. */
function joined(series: Chart["series"]): uPlot.AlignedData {
  const all = [...new Set(series.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const row = new Map(all.map((x, i) => [x, i]));
  const columns = series.map(({ x, y }) => {
    const column = new Array<number | null>(all.length).fill(null);
    x.forEach((value, i) => (column[row.get(value)!] = y[i]!));
    return column;
  });
  return [all, ...columns];
}

define("rv-chart", LineChart);
