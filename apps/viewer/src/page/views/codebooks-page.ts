/** The codebooks: how much of them is used, group by group, and one of them as a map. */
import { html, nothing, type TemplateResult } from "lit";
import { wantCodebook } from "../actions/wanted.js";
import { countAllImages, stopCounting } from "../actions/images.js";
import type { App } from "../app.js";
import { wholeBelow } from "../code-field.js";
import { nearestTo, vectorOf } from "../code-search.js";
import { codesText, fixed, percent, whole } from "../format.js";
import type { OpenedTokenizer, ViewerState } from "../state.js";
import { countsOfGroup, usageOf, type GroupUsage } from "../usage.js";
import { vectorText } from "../token-text.js";
import { term } from "./glossary.js";
import { act, slotSwitch, stat, type View } from "./parts.js";

export function codebooksPage(app: App, state: ViewerState, opened: OpenedTokenizer): TemplateResult {
  const { description, counts, counted } = opened;
  const groups = usageOf(counts, description.layout.codebookSizes, counted);
  const group = Math.min(state.group, groups.length - 1);
  const choose = (event: CustomEvent<number>): void => app.store.set({ group: event.detail, code: null });
  const seen = counted.size > 0;
  return html`<div class="tools">
      ${slotSwitch(app, state)}
      <span class="note"
        >${
          seen
            ? `Usage over the ${counted.size} ${counted.size === 1 ? "image" : "images"} seen so far.`
            : description.backbone === null
              ? "Without images there is no usage. The codes are below."
              : "No image was encoded yet."
        }</span
      >
      <span class="spring"></span>
      ${countButton(app, state, opened)}
    </div>
    <dl class="stats">
      ${stat("Codebooks", codesText(description.layout.codebookSizes))} ${stat("Codes in all", whole(counts.length))}
      ${seen ? summary(groups, counts) : nothing}
    </dl>
    ${
      seen
        ? html`<section class="card">
              <h2>
                Perplexity and usage
                <small>per group, as a share of its codes: strong is perplexity, pale is codes in use</small>
              </h2>
              <rv-groups aria-label="Group" .content=${groups} .value=${group} @rv-pick=${choose}></rv-groups>
            </section>
            <section class="card">
              <h2>Codes <small>a row a group, a column a code; strong is frequent, grey was not seen yet</small></h2>
              <rv-usage
                aria-label="Group"
                .content=${{ counts, codebookSizes: description.layout.codebookSizes, version: counted.size }}
                .value=${group}
                @rv-pick=${choose}
              ></rv-usage>
            </section>`
        : nothing
    }
    ${codeMap(app, state, opened, groups[group]!)}`;
}

function summary(groups: readonly GroupUsage[], counts: Int32Array): View {
  const used = groups.reduce((sum, group) => sum + group.used, 0);
  const mean = groups.reduce((sum, { perplexity }) => sum + perplexity, 0) / groups.length;
  return html`${stat("Seen in these images", percent(used / counts.length))}
  ${stat("Not seen yet", whole(counts.length - used))}
  ${stat(html`${term("perplexity", "Perplexity")}, mean of groups`, fixed(mean, 1))}`;
}

function countButton(app: App, state: ViewerState, { description, counted, batch }: OpenedTokenizer): View {
  if (description.backbone === null || state.images.length === 0) return nothing;
  if (batch) {
    const { done, total } = batch;
    return html`<progress max=${total} value=${done} aria-label="Images counted"></progress
      ><button @click=${() => stopCounting(app, state.active)}>Stop</button>`;
  }
  const left = state.images.filter(({ id }) => !counted.has(id)).length;
  return html`<button ?disabled=${left === 0} @click=${act(app, () => countAllImages(app, state.active))}>
    ${left === 0 ? "All images counted" : `Count ${left} more images`}
  </button>`;
}

function codeMap(app: App, state: ViewerState, opened: OpenedTokenizer, usage: GroupUsage): TemplateResult {
  const { group } = usage;
  const { description } = opened;
  const codebook = opened.codebooks.get(group);
  if (!codebook) wantCodebook(app, state.active, group);
  const counts = countsOfGroup(opened.counts, description.layout.codebookSizes, group);
  const title = html`<h2>
    Codebook of group
    <input
      type="number"
      class="inline"
      aria-label="Group"
      min="0"
      max=${description.layout.codebookSizes.length - 1}
      .value=${String(group)}
      @change=${(event: Event) => {
        const input = event.target as HTMLInputElement;
        const next = wholeBelow(input.value, description.layout.codebookSizes.length);
        if (next === null) input.value = String(group);
        else app.store.set({ group: next, code: null });
      }}
    />
    <small
      >${
        codebook
          ? `${usage.codes} codes of ${codebook.dim} elements; first two principal components, ${percent(codebook.explained[0] + codebook.explained[1])} of the variance`
          : "reading…"
      }</small
    >
  </h2>`;
  if (!codebook) return html`<section class="card">${title}</section>`;
  const code = state.code !== null && state.code < usage.codes ? state.code : null;
  const near = code === null ? [] : nearestTo(codebook, code, 6);
  const content = { codebook, counts, version: opened.counted.size, marked: near.map((one) => one.code) };
  const range = codebook.vectors.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return html`<section class="card">
    ${title}
    <div class="code-map">
      <rv-codes
        aria-label="Code"
        .content=${content}
        .value=${code}
        @rv-pick=${(event: CustomEvent<number>) => app.store.set({ code: event.detail })}
      ></rv-codes>
      <div class="code-facts">
        ${
          code === null
            ? html`<p class="hint">Choose a code: click a point, or use the arrow keys.</p>`
            : html`<h3>Code ${code} <small>${counts[code]} hits</small></h3>
                <rv-vector
                  class="own"
                  aria-hidden="true"
                  .content=${{ values: vectorOf(codebook, code), range }}
                ></rv-vector>
                <p class="vector-text">${vectorText(vectorOf(codebook, code))}</p>
                <h3>Nearest</h3>
                <ul class="near">
                  ${near.map(
                    ({ code: other, distance }) =>
                      html`<li>
                        <button @click=${() => app.store.set({ code: other })}>
                          <b>${other}</b>
                          <rv-vector
                            aria-hidden="true"
                            .content=${{ values: vectorOf(codebook, other), range }}
                          ></rv-vector>
                          <span>${distance.toFixed(2)}</span><span class="hits">${counts[other]}×</span>
                        </button>
                      </li>`,
                  )}
                </ul>`
        }
        <p class="legend"><i class="dot used"></i>used <i class="dot unseen"></i>not seen yet</p>
      </div>
    </div>
  </section>`;
}
