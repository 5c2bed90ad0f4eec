/** One tab stop for a list of buttons: arrow keys, Home and End go through it. */

/** Where a key leads from `index`; null for other keys. */
export function rovingTarget(key: string, index: number, count: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  return step === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, index + step));
}

/** A `keydown` listener for the element around the buttons. */
export function roving(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const buttons = [...list.querySelectorAll<HTMLElement>("button")];
  const target = rovingTarget(event.key, buttons.indexOf(event.target as HTMLElement), buttons.length);
  if (target === null) return;
  event.preventDefault();
  buttons[target]?.focus();
}
