/**
 * Zooming and panning by pointers, wheel and keys, the same for every pane. Pure arithmetic apart
 * from `trackViewport`.
 */
import type { Viewport } from "../state.js";

export const maxZoom = 32;

/** Where the image is drawn in a square box of `side` pixels. */
export function imageBox({ zoom, x, y }: Viewport, side: number): { left: number; top: number; side: number } {
  const scaled = side * zoom;
  return { left: side / 2 - x * scaled, top: side / 2 - y * scaled, side: scaled };
}

/** The image never leaves the box. */
export function clampViewport({ zoom, x, y }: Viewport): Viewport {
  const factor = Math.min(maxZoom, Math.max(1, zoom));
  const margin = 0.5 / factor;
  const clamp = (value: number): number => Math.min(1 - margin, Math.max(margin, value));
  return { zoom: factor, x: clamp(x), y: clamp(y) };
}

/** Zooms so that what is under the point (box pixels) stays there. */
export function zoomAt(viewport: Viewport, factor: number, px: number, py: number, side: number): Viewport {
  const zoom = Math.min(maxZoom, Math.max(1, viewport.zoom * factor));
  const [dx, dy] = [(px - side / 2) / side, (py - side / 2) / side];
  const at = { x: viewport.x + dx / viewport.zoom, y: viewport.y + dy / viewport.zoom };
  return clampViewport({ zoom, x: at.x - dx / zoom, y: at.y - dy / zoom });
}

export function pan(viewport: Viewport, dx: number, dy: number, side: number): Viewport {
  const scaled = side * viewport.zoom;
  return clampViewport({ ...viewport, x: viewport.x - dx / scaled, y: viewport.y - dy / scaled });
}

export interface TrackOptions {
  viewport(): Viewport;
  /** Called with the new one. */
  change(viewport: Viewport): void;
  /** True when this press is not a pan: another control takes it. */
  ignore?(event: PointerEvent): boolean;
}

/** Whether a turn of the wheel is meant to zoom. */
export function zoomsBy({ ctrlKey, metaKey }: Pick<WheelEvent, "ctrlKey" | "metaKey">): boolean {
  return ctrlKey || metaKey;
}

/** Ctrl and wheel, and pinch, zoom, drag pans, arrows pan, + and - zoom, 0 shows all. */
export function trackViewport(element: HTMLElement, { viewport, change, ignore }: TrackOptions): void {
  const pointers = new Map<number, { x: number; y: number }>();
  const side = (): number => Math.min(element.clientWidth, element.clientHeight) || 1;
  const position = (event: MouseEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  element.addEventListener(
    "wheel",
    (event) => {
      // Without a key the wheel scrolls the page. A pinch on a touchpad comes with ctrlKey.
      if (!zoomsBy(event)) return;
      event.preventDefault();
      const { x, y } = position(event);
      const step = event.deltaMode === 0 ? event.deltaY / 300 : event.deltaY / 8;
      change(zoomAt(viewport(), 2 ** -Math.max(-1, Math.min(1, step)), x, y, side()));
    },
    { passive: false },
  );
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || ignore?.(event)) return;
    pointers.set(event.pointerId, position(event));
    if (viewport().zoom > 1 || pointers.size > 1) element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = position(event);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)![1];
      const distance = (a: { x: number; y: number }): number => Math.hypot(a.x - other.x, a.y - other.y) || 1;
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      change(zoomAt(viewport(), distance(now) / distance(before), middle.x, middle.y, side()));
    } else if (viewport().zoom > 1) {
      change(pan(viewport(), now.x - before.x, now.y - before.y, side()));
    }
    pointers.set(event.pointerId, now);
  });
  const release = (event: PointerEvent): void => {
    pointers.delete(event.pointerId);
  };
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const)
    element.addEventListener(end, release);
  element.addEventListener("dblclick", () => {
    change(viewport().zoom > 1 ? { zoom: 1, x: 0.5, y: 0.5 } : clampViewport({ ...viewport(), zoom: 4 }));
  });
  element.addEventListener("keydown", (event) => {
    if (event.target !== element) return;
    const step = side() / 8;
    const moves: Record<string, () => Viewport> = {
      ArrowLeft: () => pan(viewport(), step, 0, side()),
      ArrowRight: () => pan(viewport(), -step, 0, side()),
      ArrowUp: () => pan(viewport(), 0, step, side()),
      ArrowDown: () => pan(viewport(), 0, -step, side()),
      "+": () => zoomAt(viewport(), 1.5, side() / 2, side() / 2, side()),
      "=": () => zoomAt(viewport(), 1.5, side() / 2, side() / 2, side()),
      "-": () => zoomAt(viewport(), 1 / 1.5, side() / 2, side() / 2, side()),
      "0": () => ({ zoom: 1, x: 0.5, y: 0.5 }),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    change(move());
  });
}
