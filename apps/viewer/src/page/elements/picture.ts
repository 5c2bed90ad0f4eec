/** `<rv-picture>`: a small picture, its pixels enlarged to squares. */
import type { DecodedImage } from "@revq/tokenizer";
import { CanvasElement, define } from "./canvas-element.js";
import { canvasOf } from "./image-canvas.js";

export class Picture extends CanvasElement {
  private shown: DecodedImage | null = null;

  set image(image: DecodedImage | null) {
    this.shown = image;
    this.redraw();
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(canvasOf(this.shown), 0, 0, width, height);
  }
}

define("rv-picture", Picture);
