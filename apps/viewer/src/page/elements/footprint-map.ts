/**
 * `<rv-footprint>`: the latent's channels as small maps; the elements that one token decides are
 * filled.
 */
import { CanvasElement, define } from "./canvas-element.js";

export interface FootprintContent {
  /** `[c, h, w]` */
  readonly shape: readonly [number, number, number];
  /** Indices into `[c, h, w]`. */
  readonly indices: Int32Array;
}

export class FootprintMap extends CanvasElement {
  private shown: FootprintContent | null = null;

  set content(content: FootprintContent | null) {
    this.shown = content;
    this.redraw();
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    const [c, h, w] = this.shown.shape;
    const { columns, side } = arrange(c, h / w, width, height);
    const gap = Math.min(4, side * 0.12);
    const cell = (side - gap) / w;
    context.fillStyle = this.colour("--well");
    for (let channel = 0; channel < c; channel++) {
      const x = (channel % columns) * side;
      const y = Math.floor(channel / columns) * side * (h / w);
      context.fillRect(x, y, side - gap, cell * h);
    }
    context.fillStyle = this.colour("--accent");
    const inset = cell > 4 ? 0.5 : 0;
    for (const index of this.shown.indices) {
      const channel = Math.floor(index / (h * w));
      const [row, column] = [Math.floor((index % (h * w)) / w), index % w];
      const x = (channel % columns) * side + column * cell;
      const y = Math.floor(channel / columns) * side * (h / w) + row * cell;
      context.fillRect(x + inset, y + inset, cell - 2 * inset, cell - 2 * inset);
    }
  }
}

/** The number of columns that makes the maps largest. */
function arrange(count: number, aspect: number, width: number, height: number): { columns: number; side: number } {
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const side = Math.min(width / columns, height / rows / aspect);
    if (side > best.side) best = { columns, side };
  }
  return best;
}

define("rv-footprint", FootprintMap);
