/** One token: where it acts, its code, the vector, how often the code occurs, what lies near it. */
import { html, nothing, type TemplateResult } from "lit";
import type { Codebook } from "../../protocol/messages.js";
import { setCode } from "../actions/edits.js";
import { wantCodebook } from "../actions/wanted.js";
import type { App } from "../app.js";
import { wholeBelow } from "../code-field.js";
import { nearestTo, vectorOf } from "../code-search.js";
import { percent } from "../format.js";
import { openedOf, type Encoded, type OpenedTokenizer, type ViewerState } from "../state.js";
import { actsOn, vectorText } from "../token-text.js";
import { countsOfGroup } from "../usage.js";
import { act } from "./parts.js";

const shownNeighbours = 8;

export function tokenInspector(
  app: App,
  state: ViewerState,
  opened: OpenedTokenizer,
  encoded: Encoded,
): TemplateResult {
  const token = state.hovered ?? state.token;
  if (token === null || token >= opened.description.layout.count) {
    return html`<section class="card inspector">
      <p class="hint">Point at a token, or choose one with the arrow keys.</p>
    </section>`;
  }
  const { description } = opened;
  const { footprints, latentShape } = description;
  const group = description.layout.groupOf[token]!;
  const code = encoded.current![token]!;
  const exact = encoded.tokens?.ids[token];
  const indices = footprints.indices.subarray(footprints.starts[token], footprints.starts[token + 1]);
  const codebook = opened.codebooks.get(group);
  if (!codebook) wantCodebook(app, state.active, group);
  const counts = countsOfGroup(opened.counts, description.layout.codebookSizes, group);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return html`<section class="card inspector" aria-label="Token">
    <div class="part">
      <h2>Token ${token} <small>group ${group}</small></h2>
      <rv-footprint aria-hidden="true" .content=${{ shape: latentShape, indices }}></rv-footprint>
      <p class="note">${actsOn(indices, latentShape)}</p>
    </div>
    <div class="part">
      <div class="code-line">
        <label class="field"
          ><span>Code</span
          ><input
            type="number"
            min="0"
            max=${description.layout.codebookSizes[group]! - 1}
            .value=${String(code)}
            @change=${(event: Event) => change(app, state, token, event.target as HTMLInputElement, description.layout.codebookSizes[group]!)}
        /></label>
        <span class="note"
          >of
          ${description.layout.codebookSizes[group]}${exact !== undefined && exact !== code ? html`, was <b>${exact}</b>` : nothing}</span
        >
        <span class="note" title="Hits in the images seen so far"
          >${counts[code]} of ${total} hits${total > 0 ? ` (${percent(counts[code]! / total)})` : ""}</span
        >
      </div>
      ${codebook ? ownVector(codebook, code) : html`<p class="note">Reading the codebook…</p>`}
    </div>
    ${codebook ? nearCodes(app, state, token, code, codebook, counts) : html`<div class="part"></div>`}
  </section>`;
}

function change(app: App, state: ViewerState, token: number, input: HTMLInputElement, limit: number): void {
  const code = wholeBelow(input.value, limit);
  if (code === null) {
    app.notice(`The code must be 0 to ${limit - 1}.`, "error");
    input.value = String(openedOf(app.store.state, state.active)?.encoded?.current?.[token] ?? "");
    return;
  }
  app.store.set({ token });
  act(app, () => setCode(app, state.active, token, code))();
}

function nearCodes(
  app: App,
  state: ViewerState,
  token: number,
  code: number,
  codebook: Codebook,
  counts: Int32Array,
): TemplateResult {
  const range = rangeOf(codebook);
  const near = nearestTo(codebook, code, shownNeighbours);
  return html`<div class="part">
    <h3>Nearest codes <small>click one to put it here</small></h3>
    <ul class="near">
      ${near.map(
        ({ code: other, distance }) =>
          html`<li>
            <button
              title="Replace code ${code} by ${other}"
              @click=${act(app, async () => {
                app.store.set({ token });
                await setCode(app, state.active, token, other);
              })}
            >
              <b>${other}</b>
              <rv-vector aria-hidden="true" .content=${{ values: vectorOf(codebook, other), range }}></rv-vector>
              <span>${distance.toFixed(2)}</span><span class="hits">${counts[other]}×</span>
            </button>
          </li>`,
      )}
    </ul>
  </div>`;
}

const ranges = new WeakMap<Codebook, number>();

/** The largest absolute number of all vectors. */
function rangeOf(codebook: Codebook): number {
  let range = ranges.get(codebook);
  if (range === undefined) {
    range = codebook.vectors.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    ranges.set(codebook, range);
  }
  return range;
}

function ownVector(codebook: Codebook, code: number): TemplateResult {
  const values = vectorOf(codebook, code);
  return html`<rv-vector class="own" aria-hidden="true" .content=${{ values, range: rangeOf(codebook) }}></rv-vector>
    <p class="vector-text">${vectorText(values)}</p>`;
}
