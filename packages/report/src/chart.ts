/**
 * Observable Plot rendered to a static SVG without a browser, so that charts need no script and no
 * network. Plot needs a DOM; linkedom provides it.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { html, markup, type Html } from "./html.js";

/** The part of linkedom's window that is used; its own declarations need those of Node. */
const { document } = parseHTML("<html><body></body></html>") as unknown as { document: Document };

export interface ChartOptions extends Plot.PlotOptions {
  /** The content of the chart, for screen readers. */
  readonly description: string;
}

const defaults: Plot.PlotOptions = {
  width: 640,
  height: 320,
  marginLeft: 52,
  marginBottom: 36,
};

/** `<svg>` with text and axes in the page's own colour. */
export function chart({ description, ...options }: ChartOptions): Html {
  const svg = Plot.plot({ ...defaults, ...options, document, className: "plot", ariaLabel: description });
  // Plot adds the same style sheet to every chart; the page has it once.
  const text = (svg as unknown as Element).outerHTML.replace(/<style>[^]*?<\/style>/g, "");
  return markup(text.replace(/(\d\.\d{3})\d+/g, "$1"));
}

/** Names and colours of the series, below a chart. */
export function legend(
  entries: readonly { readonly label: string; readonly color: string; readonly dashed?: boolean }[],
): Html {
  return html`<p class="legend">
    ${entries.map(
      ({ label, color, dashed }) =>
        html`<span
          ><svg width="22" height="10" aria-hidden="true">
            <line
              x1="0"
              x2="22"
              y1="5"
              y2="5"
              stroke="${color}"
              stroke-width="3"
              ${markup(dashed ? 'stroke-dasharray="4 3"' : "")}
            />
          </svg>
          ${label}</span
        >`,
    )}
  </p>`;
}

/** Distinguishable on white and on black; Plot's "observable10". */
export const seriesColors = [
  "#4269d0",
  "#efb118",
  "#ff725c",
  "#6cc5b0",
  "#3ca951",
  "#ff8ab7",
  "#a463f2",
  "#97bbf5",
  "#9c6b4e",
  "#9498a0",
] as const;

export function seriesColor(index: number): string {
  return seriesColors[index % seriesColors.length]!;
}

export { Plot };
