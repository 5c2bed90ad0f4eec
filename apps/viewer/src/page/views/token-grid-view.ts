/** A cell a token, coloured by error, by frequency or by code number. */
import { codebookOffsets } from "@revq/core";
import { html, type TemplateResult } from "lit";
import type { TokenizerDescription } from "../../protocol/messages.js";
import { tokensInScope } from "../actions/edits.js";
import type { App } from "../app.js";
import type { TokenGridContent } from "../elements/token-grid.js";
import { tokenRows, type TokenRow } from "../token-rows.js";
import type { Encoded, GridColouring, OpenedTokenizer, ViewerState } from "../state.js";

const rowsOf = new WeakMap<TokenizerDescription, readonly TokenRow[]>();

function rowsFor(description: TokenizerDescription): readonly TokenRow[] {
  let rows = rowsOf.get(description);
  if (!rows) rowsOf.set(description, (rows = tokenRows(description)));
  return rows;
}

export function tokenGrid(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const { description } = opened;
  const current = encoded.current!;
  const exact = encoded.tokens?.ids ?? current;
  const content: TokenGridContent = {
    rows: rowsFor(description),
    ids: current,
    edited: (token) => current[token] !== exact[token],
    colouring: state.colouring,
    strengths: strengthsOf(state.colouring, opened, encoded),
    groupOf: description.layout.groupOf,
  };
  const marked = state.token === null ? [] : tokensInScope(description, state.scope, state.token);
  return html`<rv-tokens
      aria-label="Token"
      .content=${content}
      .value=${state.token}
      .scope=${new Set(state.scope === "all" ? [] : marked)}
      @rv-hover=${(event: CustomEvent<number | null>) => app.store.set({ hovered: event.detail })}
      @rv-pick=${(event: CustomEvent<number>) => app.store.set({ token: event.detail })}
    ></rv-tokens>
    <p class="legend">${legend(state.colouring, opened)}</p>`;
}

function legend(colouring: GridColouring, { counted, description }: OpenedTokenizer): string {
  const images = `${counted.size} ${counted.size === 1 ? "image" : "images"}`;
  if (colouring === "frequency") return `Strong: codes that occur often in the ${images} seen so far.`;
  if (colouring === "error") return "Strong: tokens with a large quantization error.";
  return `One cell a token, ${description.layout.count} in all; equal colours in a row are equal codes.`;
}

function strengthsOf(colouring: GridColouring, opened: OpenedTokenizer, encoded: Encoded): Float32Array | null {
  const { description, counts } = opened;
  if (colouring === "code") return null;
  const starts = codebookOffsets(description.layout);
  const values: ArrayLike<number> | null | undefined =
    colouring === "error"
      ? encoded.report?.tokenErrors
      : encoded.current!.map((code, token) => counts[starts[description.layout.groupOf[token]!]! + code]!);
  if (!values) return null;
  const shares = Float32Array.from(values);
  const max = shares.reduce((largest, value) => Math.max(largest, value), 0) || 1;
  return shares.map((value) => Math.sqrt(value / max));
}
