/**
 * The base of canvases that pick a token, group or code. It has pointer hover and click, arrow
 * keys, and a slider's semantics for screen readers. Emits `rv-hover` (number or null) and
 * `rv-pick` (number).
 */
import { CanvasElement } from "./canvas-element.js";

export abstract class Picker extends CanvasElement {
  private chosen: number | null = null;
  private pointed: number | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.announce();
    this.addEventListener("pointermove", this.onMove);
    this.addEventListener("pointerleave", this.onLeave);
    this.addEventListener("click", this.onClick);
    this.addEventListener("keydown", this.onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("pointermove", this.onMove);
    this.removeEventListener("pointerleave", this.onLeave);
    this.removeEventListener("click", this.onClick);
    this.removeEventListener("keydown", this.onKey);
  }

  get value(): number | null {
    return this.chosen;
  }

  set value(value: number | null) {
    if (value === this.chosen) return;
    this.chosen = value;
    this.announce();
    this.redraw();
  }

  protected get hovered(): number | null {
    return this.pointed;
  }

  /** How many there are to pick from. */
  protected abstract readonly count: number;
  /** What lies at a point of the element, if anything does. */
  protected abstract pickAt(x: number, y: number): number | null;
  /** What a click there picks. */
  protected clickAt(x: number, y: number): number | null {
    return this.pickAt(x, y);
  }
  /** Where an arrow key leads from `from`. */
  protected neighbour(from: number, dx: number, dy: number): number {
    return from + dx + dy;
  }
  /** For screen readers: "token 3, code 17". */
  protected abstract describe(value: number): string;

  protected announce(): void {
    this.setAttribute("aria-valuemin", "0");
    this.setAttribute("aria-valuemax", String(Math.max(0, this.count - 1)));
    this.setAttribute("aria-valuenow", String(this.chosen ?? 0));
    this.setAttribute("aria-valuetext", this.chosen === null ? "nothing chosen" : this.describe(this.chosen));
  }

  private emit(name: "rv-hover" | "rv-pick", detail: number | null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  private point(value: number | null): void {
    if (value === this.pointed) return;
    this.pointed = value;
    this.emit("rv-hover", value);
    this.redraw();
  }

  private readonly onMove = (event: PointerEvent): void => {
    const { x, y } = this.pointOf(event);
    this.point(this.pickAt(x, y));
  };

  private readonly onLeave = (): void => this.point(null);

  private readonly onClick = (event: MouseEvent): void => {
    const { x, y } = this.pointOf(event);
    const value = this.clickAt(x, y);
    if (value !== null) this.emit("rv-pick", value);
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    const next =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? this.count - 1
          : move && (this.chosen === null ? 0 : this.neighbour(this.chosen, ...move));
    if (next === undefined || this.count === 0) return;
    event.preventDefault();
    this.emit("rv-pick", Math.min(this.count - 1, Math.max(0, next)));
  };
}
