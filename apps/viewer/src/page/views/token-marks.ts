/** Rectangles on the photo: the token that is pointed at, and the chosen one. */
import type { Mark } from "../elements/zoom-pane.js";
import type { OpenedTokenizer, ViewerState } from "../state.js";
import { tokenBoxes } from "../token-boxes.js";

export function marksOf({ hovered, token, brush }: ViewerState, { description }: OpenedTokenizer): readonly Mark[] {
  const boxes = tokenBoxes(description);
  if (brush) {
    // Tokens of one place have one box.
    const under = new Set([...brush.stroke].map((one) => boxes[one]!));
    const places = new Map([...under].map((box) => [Object.values(box).join(), box]));
    return [...places.values()].map((box) => ({ box, strong: true }));
  }
  return [
    { at: hovered, strong: false },
    { at: token, strong: true },
  ].flatMap(({ at, strong }) => {
    const box = at === null ? null : boxes[at];
    return box ? [{ box, strong }] : [];
  });
}
