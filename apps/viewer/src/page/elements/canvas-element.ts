/**
 * A custom element with one canvas. It draws after changes, once a frame at most, sharp at every
 * pixel ratio.
 */

export abstract class CanvasElement extends HTMLElement {
  protected readonly canvas: HTMLCanvasElement = document.createElement("canvas");
  private readonly sizes = new ResizeObserver(() => this.redraw());
  private frame = 0;

  constructor() {
    super();
    this.canvas.setAttribute("aria-hidden", "true");
  }

  connectedCallback(): void {
    if (!this.canvas.isConnected) this.prepend(this.canvas);
    this.sizes.observe(this);
    document.addEventListener("revq-theme", this.onTheme);
    this.redraw();
  }

  disconnectedCallback(): void {
    this.sizes.disconnect();
    document.removeEventListener("revq-theme", this.onTheme);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Draws anew in the next frame. */
  redraw(): void {
    if (this.frame !== 0 || !this.isConnected) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { clientWidth: width, clientHeight: height } = this;
      if (width === 0 || height === 0) return;
      const ratio = devicePixelRatio;
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (this.canvas.width !== w || this.canvas.height !== h) {
        this.canvas.width = w;
        this.canvas.height = h;
      }
      const context = this.canvas.getContext("2d")!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      this.draw(context, width, height);
    });
  }

  /** In CSS pixels. */
  protected abstract draw(context: CanvasRenderingContext2D, width: number, height: number): void;

  /** A colour of the style sheet, such as `--accent`. */
  protected colour(name: string): string {
    return resolveColour(this, name);
  }

  /** Where the pointer is on the element, in CSS pixels. */
  protected pointOf(event: MouseEvent): { x: number; y: number } {
    const box = this.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private readonly onTheme = (): void => this.redraw();
}

/** Custom properties keep `light-dark(…)` as text; a real property resolves it. */
function resolveColour(element: HTMLElement, name: string): string {
  const probe = probeOf(element);
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

let probe: HTMLElement | undefined;

function probeOf(element: HTMLElement): HTMLElement {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
  }
  if (probe.ownerDocument !== element.ownerDocument || !probe.isConnected) element.ownerDocument.body.append(probe);
  return probe;
}

export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
