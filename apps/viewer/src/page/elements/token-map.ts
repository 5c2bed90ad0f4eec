/**
 * `<rv-token-map>`: what tokens say, in the picture's geometry. Picks the tokens of a place: a click
 * takes the first of them, another click the next. Arrow keys go to the place beside.
 */
import type { DecodedImage } from "@revq/tokenizer";
import { tokensAt, type Box } from "../token-boxes.js";
import { tokenText } from "../token-text.js";
import { define } from "./canvas-element.js";
import { canvasOf } from "./image-canvas.js";
import { drawBox } from "./marks.js";
import { Picker } from "./picker.js";

export interface TokenMapContent {
  /** `[h, w]` */
  readonly picture: DecodedImage;
  /** The place of every token. */
  readonly boxes: readonly (Box | null)[];
  readonly ids: Int32Array;
  readonly groupOf: Int32Array;
  /** Only tokens of this group are picked; null: any. */
  readonly group: number | null;
}

export class TokenMap extends Picker {
  private shown: TokenMapContent | null = null;

  set content(content: TokenMapContent | null) {
    this.shown = content;
    this.announce();
    this.redraw();
  }

  protected get count(): number {
    return this.shown?.ids.length ?? 0;
  }

  protected describe(token: number): string {
    return tokenText(token, this.shown);
  }

  private tokensAt(x: number, y: number): number[] {
    if (!this.shown) return [];
    const { boxes, group, groupOf } = this.shown;
    return tokensAt(boxes, x, y).filter((token) => group === null || groupOf[token] === group);
  }

  protected pickAt(x: number, y: number): number | null {
    return this.tokensAt(x / this.clientWidth, y / this.clientHeight)[0] ?? null;
  }

  protected override clickAt(x: number, y: number): number | null {
    const here = this.tokensAt(x / this.clientWidth, y / this.clientHeight);
    const at = this.value === null ? -1 : here.indexOf(this.value);
    return here[(at + 1) % here.length] ?? null;
  }

  protected override neighbour(from: number, dx: number, dy: number): number {
    const box = this.shown?.boxes[from];
    if (!box) return from + dx + dy;
    const [width, height] = [box.right - box.left, box.bottom - box.top];
    const [x, y] = [(box.left + box.right) / 2 + dx * width, (box.top + box.bottom) / 2 + dy * height];
    const here = this.tokensAt((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    const there = this.tokensAt(x, y);
    return there[Math.min(there.length - 1, here.indexOf(from))] ?? from;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    const { picture, boxes } = this.shown;
    context.imageSmoothingEnabled = false;
    context.drawImage(canvasOf(picture), 0, 0, width, height);
    for (const [token, strong] of [
      [this.hovered, false],
      [this.value, true],
    ] as const) {
      const box = token === null ? null : boxes[token];
      if (box) drawBox(context, box, { left: 0, top: 0, width, height }, strong);
    }
  }
}

define("rv-token-map", TokenMap);
