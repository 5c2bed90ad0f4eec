/**
 * The frame of every page: one file that needs no network, light or dark like the system, with
 * sortable tables.
 */
import { html, markup, type Content, type Html } from "./html.js";

/** Is in every page, and tells a report from a page of somebody else. */
export const reportMark = '<meta name="generator" content="revq" />';

export interface PageOptions {
  readonly title: string;
  /** Lines below the title. */
  readonly summary?: readonly string[];
  readonly sections: readonly (Html | null)[];
}

export function page({ title, summary = [], sections }: PageOptions): string {
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${markup(reportMark)}
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        />
        <title>${title}</title>
        <style>
          ${markup(css)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          ${summary.map((line) => html`<p>${line}</p>`)}
        </header>
        <main>${sections}</main>
        <script>
          ${markup(sortScript)};
        </script>
      </body>
    </html>`;
  return `${body.text.replace(/\n\s+/g, "\n")}\n`;
}

export function section(title: string, ...content: Content[]): Html {
  return html`<section>
    <h2>${title}</h2>
    ${content}
  </section>`;
}

/** A figure with a caption above it. */
export function figure(caption: string, ...content: Content[]): Html {
  return html`<figure>
    <figcaption>${caption}</figcaption>
    ${content}
  </figure>`;
}

/** Figures side by side where the window is wide enough. */
export function columns(...figures: (Html | null)[]): Html {
  return html`<div class="columns">${figures}</div>`;
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Content;
  /** The value to sort by; without it, the column is text. */
  readonly value?: (row: Row) => number | null | undefined;
  /** Text that is right-aligned, like numbers. */
  readonly right?: boolean;
}

/** Leaves out columns without values. A click on a heading sorts. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  const shown = columns.filter(({ value }) => !value || rows.some((row) => typeof value(row) === "number"));
  return html`<div class="scroll">
    <table class="sortable">
      <thead>
        <tr>
          ${shown.map(({ title, value, right }) => html`<th scope="col" ${markup(value || right ? ' class="number"' : "")}><button>${title}</button></th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${shown.map(({ cell, value, right }) =>
                value
                  ? html`<td class="number" data-value="${value(row) ?? ""}">${cell(row)}</td>`
                  : html`<td${markup(right ? ' class="number"' : "")}>${cell(row)}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A value as indented JSON, folded. */
export function details(summary: string, value: unknown): Html {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return html`<details>
    <summary>${summary}</summary>
    <pre>${markup(html`${text}`.text.replaceAll("\n", "&#10;"))}</pre>
  </details>`;
}

const css = `
:root { color-scheme: light dark; --background: #fff; --text: #1b1e23; --muted: #5d6570; --line: #d8dce2; --panel: #f5f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --background: #15171b; --text: #e4e6ea; --muted: #9aa2ad; --line: #33383f; --panel: #1d2025; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 88rem; background: var(--background); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
header p { margin: 0; color: var(--muted); }
p.note { color: var(--muted); max-width: 60rem; }
p.warning { border-left: 4px solid #e0a100; background: var(--panel); padding: .5rem .8rem; max-width: 60rem; }
.mark { font-size: 11px; font-weight: 600; padding: .05rem .35rem; border: 1px solid var(--line); border-radius: 999px; color: var(--muted); }
.mark.best { background: #2f7d46; border-color: #2f7d46; color: #fff; }
.crops { margin-bottom: .6rem; }
.crops small { color: var(--muted); font-weight: 400; }
.crops img { display: block; }
figure { margin: 0 0 1rem; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: .35rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.25rem 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .4rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th.number, td.number { text-align: right; }
th { color: var(--muted); font-weight: 600; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid currentColor; }
th[aria-sort=ascending] button::after { content: " ▲"; font-size: .7em; }
th[aria-sort=descending] button::after { content: " ▼"; font-size: .7em; }
tbody tr:hover { background: var(--panel); }
pre { background: var(--panel); padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; font-size: 13px; }
details { margin: .4rem 0; }
summary { cursor: pointer; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .4rem 0 0; font-size: 13px; color: var(--muted); }
.legend svg { vertical-align: middle; }
.ramp { display: flex; gap: .5rem; align-items: center; font-size: 12px; color: var(--muted); font-variant-numeric: tabular-nums; }
.ramp i { width: 10rem; height: .6rem; border-radius: 2px; }
.images { display: grid; gap: 2px; align-items: end; width: max-content; }
.images img { display: block; width: 100%; height: auto; }
.images b { font-size: 13px; color: var(--muted); }
.images span { font-size: 12px; color: var(--muted); grid-column: 1 / -1; padding-top: .5rem; }
.plot { --plot-background: var(--background); display: block; height: auto; max-width: 100%; overflow: visible; font-size: 11px; }
.plot text { white-space: pre; }
`;

const sortScript = `
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rank = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      const difference = key(a) - key(b);
      return sign * (Number.isNaN(difference) ? key(a).localeCompare(key(b)) : difference);
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(rank));
  }));
}
`;
