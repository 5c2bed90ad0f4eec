/**
 * `<rv-pane>`: one image that zooms and pans together with its siblings. Emits `rv-viewport` with
 * the new `Viewport`.
 */
import type { DecodedImage } from "@revq/tokenizer";
import { homeViewport, type Viewport } from "../state.js";
import { CanvasElement, define } from "./canvas-element.js";
import { canvasOf } from "./image-canvas.js";
import { imageBox, trackViewport } from "./viewport.js";

export class ZoomPane extends CanvasElement {
  private shown: DecodedImage | null = null;
  private region: Viewport = homeViewport;

  constructor() {
    super();
    trackViewport(this, {
      viewport: () => this.region,
      change: (detail) => this.dispatchEvent(new CustomEvent("rv-viewport", { detail, bubbles: true })),
      ignore: (event) => this.takes(event),
    });
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

  /** True when a press is not a pan. */
  protected takes(_event: PointerEvent): boolean {
    return false;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (this.shown) this.paint(context, this.shown, width, height);
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
