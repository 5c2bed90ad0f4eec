/** What the tokens say, as pictures: of all together, and of each group. */
import { html, nothing, type TemplateResult } from "lit";
import type { TokenizerDescription } from "../../protocol/messages.js";
import { wantGroupMaps } from "../actions/wanted.js";
import type { App } from "../app.js";
import type { TokenMapContent } from "../elements/token-map.js";
import { tokenBoxes } from "../token-boxes.js";
import type { Encoded, OpenedTokenizer, ViewerState } from "../state.js";
import type { DecodedImage } from "@revq/tokenizer";
import type { View } from "./parts.js";

/** Tokenizers with more groups show them one at a time. */
const maxGroups = 16;

/** Residual quantizers call a group a depth. */
export function groupWord({ config }: TokenizerDescription): "depth" | "group" {
  return config.quantizer.id === "residual" ? "depth" : "group";
}

export function shownGroups({ layout: { codebookSizes } }: TokenizerDescription, group: number): number[] {
  const count = codebookSizes.length;
  return count <= maxGroups ? [...Array(count).keys()] : [Math.min(group, count - 1)];
}

/** All tokens together. */
export function tokenPicture(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): View {
  if (!encoded.report) return html`<div class="token-map pending" aria-busy=${opened.busy}></div>`;
  return map(
    app,
    state,
    opened,
    encoded,
    encoded.revealed?.shown?.map ?? encoded.report.map,
    null,
    "Picture of the tokens",
  );
}

/** A picture a group. */
export function groupPictures(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const { description } = opened;
  const groups = shownGroups(description, state.group);
  const known = encoded.groupMaps;
  const complete = known?.ids === encoded.current && groups.every((group) => known.images.has(group));
  if (!complete) wantGroupMaps(app, state.active, groups);
  const word = groupWord(description);
  const columns = groups.length === 1 ? 1 : groups.length <= 4 ? 2 : groups.length <= 9 ? 3 : 4;
  return html`<div class="group-maps" data-columns=${columns} aria-busy=${!complete}>
      ${groups.map((group) => {
        const picture = known?.images.get(group);
        return html`<figure>
          ${
            picture
              ? map(app, state, opened, encoded, picture, group, `${word} ${group}`)
              : html`<div class="token-map pending" aria-busy="true"></div>`
          }
          <figcaption>${word} ${group}</figcaption>
        </figure>`;
      })}
    </div>
    ${description.layout.codebookSizes.length > maxGroups ? groupChoice(app, state, description) : nothing}`;
}

function groupChoice(app: App, state: ViewerState, description: TokenizerDescription): TemplateResult {
  const last = description.layout.codebookSizes.length - 1;
  const choose = (event: Event): void => {
    const group = (event.target as HTMLInputElement).valueAsNumber;
    app.store.set({ group });
  };
  return html`<label class="field"
    ><span>${groupWord(description)} ${state.group} of 0 to ${last}</span
    ><input type="range" min="0" max=${last} .value=${String(state.group)} @input=${choose}
  /></label>`;
}

function map(
  app: App,
  state: ViewerState,
  opened: OpenedTokenizer,
  encoded: Encoded,
  picture: DecodedImage,
  group: number | null,
  label: string,
): TemplateResult {
  const { description } = opened;
  const { groupOf } = description.layout;
  const content: TokenMapContent = {
    picture,
    boxes: tokenBoxes(description),
    ids: encoded.current!,
    groupOf,
    group,
  };
  const chosen = state.token !== null && (group === null || groupOf[state.token] === group) ? state.token : null;
  return html`<rv-token-map
    class="token-map"
    aria-label=${label}
    .content=${content}
    .value=${chosen}
    @rv-hover=${(event: CustomEvent<number | null>) => app.store.set({ hovered: event.detail })}
    @rv-pick=${(event: CustomEvent<number>) => app.store.set({ token: event.detail })}
  ></rv-token-map>`;
}
