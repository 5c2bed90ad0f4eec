/**
 * `<rv-tokens>`: a cell a token, a row a group (or channel). Edited tokens have a corner, the
 * chosen one a frame.
 */
import { codeColour, strength } from "../colours.js";
import type { GridColouring } from "../state.js";
import type { TokenRow } from "../token-rows.js";
import { tokenText } from "../token-text.js";
import { define } from "./canvas-element.js";
import { Picker } from "./picker.js";

export interface TokenGridContent {
  readonly rows: readonly TokenRow[];
  /** The id of every token. */
  readonly ids: Int32Array;
  /** True for tokens that differ from the image's. */
  readonly edited: (token: number) => boolean;
  readonly colouring: GridColouring;
  /** For the colourings `frequency` and `error`: 0 … 1 a token. */
  readonly strengths: Float32Array | null;
  readonly groupOf: Int32Array;
}

const labelWidth = 74;

export class TokenGrid extends Picker {
  private shown: TokenGridContent | null = null;
  private marked: ReadonlySet<number> = new Set();

  get content(): TokenGridContent | null {
    return this.shown;
  }

  set content(content: TokenGridContent | null) {
    this.shown = content;
    this.style.setProperty("--rows", String(content?.rows.length ?? 1));
    this.announce();
    this.redraw();
  }

  /** The tokens that a tool would change. */
  set scope(tokens: ReadonlySet<number>) {
    this.marked = tokens;
    this.redraw();
  }

  protected get count(): number {
    return this.shown?.ids.length ?? 0;
  }

  protected describe(token: number): string {
    return tokenText(token, this.shown);
  }

  protected override neighbour(from: number, dx: number, dy: number): number {
    const rows = this.shown!.rows;
    const row = rows.findIndex(({ tokens }) => tokens.includes(from));
    const column = rows[row]!.tokens.indexOf(from);
    if (dy !== 0) {
      const target = rows[Math.min(rows.length - 1, Math.max(0, row + dy))]!.tokens;
      return target[Math.min(column, target.length - 1)]!;
    }
    return rows[row]!.tokens[column + dx] ?? from;
  }

  protected pickAt(x: number, y: number): number | null {
    const { rows } = this.shown ?? { rows: [] };
    if (rows.length === 0 || x < this.labels) return null;
    const tokens = rows[Math.floor(y / (this.clientHeight / rows.length))]?.tokens;
    return tokens?.[Math.floor((x - this.labels) / this.cellWidth(this.clientWidth))] ?? null;
  }

  private get labels(): number {
    return this.clientWidth > 420 ? labelWidth : 0;
  }

  private cellWidth(width: number): number {
    const longest = Math.max(...this.shown!.rows.map(({ tokens }) => tokens.length));
    return (width - this.labels) / longest;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    const { rows, ids, edited, colouring, strengths } = this.shown;
    const ink = this.colour("--ink");
    const faint = this.colour("--ink-3");
    const accent = this.colour(colouring === "error" ? "--warm" : "--accent");
    const h = height / rows.length;
    const w = this.cellWidth(width);
    const gap = w > 6 && h > 6 ? 1 : 0.5;
    context.font = "11px ui-sans-serif, system-ui, sans-serif";
    context.textBaseline = "middle";
    rows.forEach(({ label, tokens }, row) => {
      if (this.labels > 0 && (h >= 11 || row % Math.ceil(11 / h) === 0)) {
        context.fillStyle = faint;
        context.fillText(label, 0, row * h + h / 2, labelWidth - 8);
      }
      tokens.forEach((token, column) => {
        const x = this.labels + column * w;
        const y = row * h;
        context.fillStyle =
          colouring === "code" || !strengths ? codeColour(ids[token]!) : strength(accent, strengths[token]!);
        context.globalAlpha = this.marked.size > 1 && !this.marked.has(token) ? 0.45 : 1;
        context.fillRect(x, y, w - gap, h - gap);
        context.globalAlpha = 1;
        if (edited(token)) {
          context.fillStyle = ink;
          context.beginPath();
          const corner = Math.min(7, w / 2, h / 2);
          context.moveTo(x + w - gap - corner, y);
          context.lineTo(x + w - gap, y);
          context.lineTo(x + w - gap, y + corner);
          context.fill();
        }
      });
    });
    for (const [token, lineWidth] of [
      [this.hovered, 1],
      [this.value, 2],
    ] as const) {
      if (token !== null) this.outline(context, token, w, h, ink, lineWidth);
    }
  }

  private outline(
    context: CanvasRenderingContext2D,
    token: number,
    w: number,
    h: number,
    ink: string,
    line: number,
  ): void {
    const row = this.shown!.rows.findIndex(({ tokens }) => tokens.includes(token));
    if (row < 0) return;
    const x = this.labels + this.shown!.rows[row]!.tokens.indexOf(token) * w;
    context.strokeStyle = ink;
    context.lineWidth = line;
    context.strokeRect(x + line / 2 - 1, row * h + line / 2 - 1, w - line + 1, h - line + 1);
  }
}

define("rv-tokens", TokenGrid);
