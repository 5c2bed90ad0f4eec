/**
 * `<rv-pane>`: one image that zooms and pans together with its siblings. Emits `rv-viewport` with
 * the new `Viewport`, and `rv-place` with the place of a click, `{x, y}` in [0, 1] of the image.
 */
import type { DecodedImage } from "@revq/tokenizer";
import { homeViewport, type Viewport } from "../state.js";
import type { Box } from "../token-boxes.js";
import { CanvasElement, define } from "./canvas-element.js";
import { canvasOf } from "./image-canvas.js";
import { drawBox } from "./marks.js";
import { imageBox, trackViewport } from "./viewport.js";

/** A rectangle on the image. */
export interface Mark {
  readonly box: Box;
  readonly strong: boolean;
}

const flashLength = 700;

export class ZoomPane extends CanvasElement {
  private shown: DecodedImage | null = null;
  private region: Viewport = homeViewport;
  private marked: readonly Mark[] = [];
  private flashed: Box | null = null;
  private flashStart = -Infinity;
  /** Presses draw instead of moving the image: `rv-stroke` with the place, then `rv-stroke-end`. */
  painting = false;
  private pressed: { readonly x: number; readonly y: number } | null = null;

  constructor() {
    super();
    trackViewport(this, {
      viewport: () => this.region,
      change: (detail) => this.dispatchEvent(new CustomEvent("rv-viewport", { detail, bubbles: true })),
      ignore: (event) => this.takes(event),
    });
    this.addEventListener("pointerdown", (event) => (this.pressed = this.pointOf(event)));
    const stroke = (event: PointerEvent): void => {
      if (!this.painting || this.pressed === null) return;
      this.dispatchEvent(new CustomEvent("rv-stroke", { detail: this.placeOf(event), bubbles: true }));
    };
    this.addEventListener("pointerdown", (event) => {
      if (this.painting) this.setPointerCapture(event.pointerId);
      stroke(event);
    });
    this.addEventListener("pointermove", stroke);
    this.addEventListener("pointerup", () => {
      if (this.painting) this.dispatchEvent(new CustomEvent("rv-stroke-end", { bubbles: true }));
      if (this.painting) this.pressed = null;
    });
    this.addEventListener("click", (event) => {
      const { x, y } = this.pointOf(event);
      const { pressed } = this;
      if (this.painting || !pressed || Math.hypot(x - pressed.x, y - pressed.y) > 4) return;
      this.dispatchEvent(new CustomEvent("rv-place", { detail: this.placeOf(event), bubbles: true }));
    });
  }

  /** Where the pointer is on the image, in [0, 1]. */
  private placeOf(event: MouseEvent): { x: number; y: number } {
    const { x, y } = this.pointOf(event);
    const { left, top, side } = imageBox(this.region, Math.min(this.clientWidth, this.clientHeight));
    return { x: (x - left) / side, y: (y - top) / side };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.tabIndex = 0;
  }

  get image(): DecodedImage | null {
    return this.shown;
  }

  set image(image: DecodedImage | null) {
    if (image === this.shown) return;
    this.shown = image;
    this.redraw();
  }

  get viewport(): Viewport {
    return this.region;
  }

  set viewport(viewport: Viewport) {
    this.region = viewport;
    this.classList.toggle("zoomed", viewport.zoom > 1);
    this.redraw();
  }

  set marks(marks: readonly Mark[]) {
    if (marks.length === 0 && this.marked.length === 0) return;
    this.marked = marks;
    this.redraw();
  }

  /** A new box lights up for a moment: this area has changed. */
  set flash(box: Box | null) {
    if (box === this.flashed) return;
    this.flashed = box;
    this.flashStart = performance.now();
    this.redraw();
  }

  /** True when a press is not a pan. */
  protected takes(_event: PointerEvent): boolean {
    return this.painting;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (this.shown) this.paint(context, this.shown, width, height);
    this.drawMarks(context, width, height);
  }

  protected drawMarks(context: CanvasRenderingContext2D, width: number, height: number): void {
    const { left, top, side } = imageBox(this.region, Math.min(width, height));
    const picture = { left, top, width: side, height: side };
    for (const { box, strong } of this.marked) drawBox(context, box, picture, strong);
    const age = performance.now() - this.flashStart;
    if (!this.flashed || age > flashLength) return;
    const { flashed } = this;
    context.globalAlpha = 0.55 * (1 - age / flashLength);
    context.fillStyle = "#fff";
    const [w, h] = [(flashed.right - flashed.left) * side, (flashed.bottom - flashed.top) * side];
    context.fillRect(left + flashed.left * side, top + flashed.top * side, w, h);
    context.globalAlpha = 1;
    setTimeout(() => this.redraw());
  }

  protected paint(context: CanvasRenderingContext2D, image: DecodedImage, width: number, height: number): void {
    const { left, top, side } = imageBox(this.region, Math.min(width, height));
    // Enlarged pixels stay square: this is a tool for looking closely.
    context.imageSmoothingEnabled = side < image.width * 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvasOf(image), left, top, side, side);
  }
}

define("rv-pane", ZoomPane);
