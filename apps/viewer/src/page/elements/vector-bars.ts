/** `<rv-vector>`: the elements of a code as bars around zero. */
import { CanvasElement, define } from "./canvas-element.js";

export class VectorBars extends CanvasElement {
  private values: Float32Array = new Float32Array();
  private range = 1;

  /** @param range the largest magnitude of the codebook, so that codes can be compared */
  set content({ values, range }: { values: Float32Array; range: number }) {
    this.values = values;
    this.range = range;
    this.redraw();
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    const n = this.values.length;
    const w = width / Math.max(1, n);
    const middle = height / 2;
    const up = this.colour("--accent");
    const down = this.colour("--warm");
    context.fillStyle = this.colour("--line");
    context.fillRect(0, middle - 0.5, width, 1);
    this.values.forEach((value, i) => {
      const h = (Math.abs(value) / (this.range || 1)) * (middle - 1);
      context.fillStyle = value >= 0 ? up : down;
      context.fillRect(i * w + w * 0.12, value >= 0 ? middle - h : middle, w * 0.76, h);
    });
  }
}

define("rv-vector", VectorBars);
