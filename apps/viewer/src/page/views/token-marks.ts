/** Rectangles on the photo: the token that is pointed at, and the chosen one. */
import type { Mark } from "../elements/zoom-pane.js";
import type { OpenedTokenizer, ViewerState } from "../state.js";
import { tokenBoxes } from "../token-boxes.js";

export function marksOf({ hovered, token }: ViewerState, { description }: OpenedTokenizer): readonly Mark[] {
  const boxes = tokenBoxes(description);
  return [
    { at: hovered, strong: false },
    { at: token, strong: true },
  ].flatMap(({ at, strong }) => {
    const box = at === null ? null : boxes[at];
    return box ? [{ box, strong }] : [];
  });
}
