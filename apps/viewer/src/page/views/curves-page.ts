/** The curves of runs: `run/metrics.jsonl` of the open tokenizers, and files that were dropped. */
import { html, nothing, type TemplateResult } from "lit";
import { slots } from "../../protocol/messages.js";
import { filesOfInput, receiveFiles } from "../actions/receive.js";
import { loadMetrics } from "../actions/tokenizers.js";
import type { App } from "../app.js";
import { chartsOf, type Chart, type MetricsRecord } from "../metrics-file.js";
import { openedOf, type ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act } from "./parts.js";

interface Run {
  readonly name: string;
  readonly records: readonly MetricsRecord[];
}

/** Charts are kept while their records stay the same. Other changes then do not redraw them. */
let drawn: { readonly runs: readonly Run[]; readonly charts: readonly Chart[] } = { runs: [], charts: [] };

function chartsFor(runs: readonly Run[]): readonly Chart[] {
  const same =
    runs.length === drawn.runs.length &&
    runs.every(({ name, records }, i) => records === drawn.runs[i]!.records && name === drawn.runs[i]!.name);
  if (!same) drawn = { runs, charts: chartsOf(runs) };
  return drawn.charts;
}

export function curvesPage(app: App, state: ViewerState): TemplateResult {
  const runs: Run[] = slots.flatMap((slot) => {
    const opened = openedOf(state, slot);
    return opened?.metrics
      ? [{ name: `${slot.toUpperCase()} ${opened.description.name}`, records: opened.metrics }]
      : [];
  });
  runs.push(...state.curves);
  for (const slot of slots) if (openedOf(state, slot)?.metrics === undefined) void loadMetrics(app, slot);
  const charts = chartsFor(runs);
  const pick = (event: Event): void => {
    const files = filesOfInput(event.target as HTMLInputElement);
    act(app, () => receiveFiles(app, files, "a"))();
  };
  return html`<div class="tools">
      <span class="note">${runs.length > 0 ? runs.map(({ name }) => name).join(", ") : nothing}</span>
      <span class="spring"></span>
      ${
        state.curves.length > 0
          ? html`<button class="quiet" @click=${() => app.store.set({ curves: [] })}>Remove opened files</button>`
          : nothing
      }
      <label class="button"
        ><input type="file" accept=".jsonl" multiple class="visually-hidden" @change=${pick} />${icon("folder")} Open
        metrics.jsonl</label
      >
    </div>
    ${
      charts.length === 0
        ? html`<p class="hint">
            ${state.a.status === "ready" ? "There is no run/metrics.jsonl beside this tokenizer. " : ""}Drop the
            metrics.jsonl of a run here.
          </p>`
        : html`<div class="charts">
            ${charts.map(
              (chart) =>
                html`<section class="card">
                  <h2>
                    ${chart.title}
                    ${chart.title.endsWith(`by ${chart.axis}`) ? nothing : html`<small>by ${chart.axis}</small>`}
                  </h2>
                  <rv-chart role="img" aria-label="${chart.title} by ${chart.axis}" .content=${chart}></rv-chart>
                </section>`,
            )}
          </div>`
    }`;
}
