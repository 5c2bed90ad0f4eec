/**
 * `<rv-compare>`: two images over each other, divided by a handle. The pointer and the arrow keys
 * move the handle. Zooms and pans like `<rv-pane>`; emits `rv-split` with the new position in [0,
 * 1].
 */
import type { DecodedImage } from "@revq/tokenizer";
import { define } from "./canvas-element.js";
import { ZoomPane } from "./zoom-pane.js";

export class ComparePane extends ZoomPane {
  private readonly handle = document.createElement("div");
  private right: DecodedImage | null = null;
  private position = 0.5;

  constructor() {
    super();
    const { handle } = this;
    handle.className = "handle";
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", "Divider");
    handle.setAttribute("aria-orientation", "horizontal");
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", "100");
    handle.addEventListener("keydown", (event) => {
      const steps: Record<string, number> = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 };
      const next =
        event.key === "Home"
          ? 0
          : event.key === "End"
            ? 1
            : event.key in steps
              ? this.position + steps[event.key]!
              : null;
      if (next === null) return;
      event.preventDefault();
      this.moveTo(next);
    });
    handle.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.moveTo(this.pointOf(event).x / this.clientWidth);
    });
    // At full size there is nothing to pan: a press anywhere takes the handle there.
    this.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.viewport.zoom > 1 || event.target === handle) return;
      this.moveTo(this.pointOf(event).x / this.clientWidth);
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus({ preventScroll: true });
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.handle.isConnected) this.append(this.handle);
    this.tabIndex = -1;
  }

  /** The image on the right; `image` is the one on the left. */
  get second(): DecodedImage | null {
    return this.right;
  }

  set second(image: DecodedImage | null) {
    if (image === this.right) return;
    this.right = image;
    this.redraw();
  }

  get split(): number {
    return this.position;
  }

  set split(split: number) {
    this.position = split;
    this.handle.style.left = `${split * 100}%`;
    this.handle.setAttribute("aria-valuenow", String(Math.round(split * 100)));
    this.redraw();
  }

  protected override takes(event: PointerEvent): boolean {
    return event.target === this.handle;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    super.draw(context, width, height);
    if (!this.right) return;
    const at = Math.round(width * this.position);
    context.save();
    context.beginPath();
    context.rect(at, 0, width - at, height);
    context.clip();
    context.clearRect(at, 0, width - at, height);
    this.paint(context, this.right, width, height);
    context.restore();
    this.drawMarks(context, width, height);
  }

  private moveTo(position: number): void {
    const detail = Math.min(1, Math.max(0, position));
    this.dispatchEvent(new CustomEvent("rv-split", { detail, bubbles: true }));
  }
}

define("rv-compare", ComparePane);
