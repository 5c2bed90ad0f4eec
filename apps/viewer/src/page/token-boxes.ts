/** Where tokens lie in the picture: the rectangle around the positions that a token decides. */
import type { TokenizerDescription } from "../protocol/messages.js";

/** In [0, 1] of the picture's width and height. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const known = new WeakMap<TokenizerDescription, readonly (Box | null)[]>();

/** A box a token; null for a token that decides nothing. */
export function tokenBoxes(description: TokenizerDescription): readonly (Box | null)[] {
  let boxes = known.get(description);
  if (!boxes) known.set(description, (boxes = computeBoxes(description)));
  return boxes;
}

function computeBoxes({
  footprints: { starts, indices },
  latentShape: [, h, w],
}: TokenizerDescription): (Box | null)[] {
  return Array.from({ length: starts.length - 1 }, (_, token) => {
    let [left, top, right, bottom] = [w, h, 0, 0];
    for (let i = starts[token]!; i < starts[token + 1]!; i++) {
      const position = indices[i]! % (h * w);
      const [row, column] = [Math.floor(position / w), position % w];
      left = Math.min(left, column);
      right = Math.max(right, column + 1);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row + 1);
    }
    return right === 0 ? null : { left: left / w, top: top / h, right: right / w, bottom: bottom / h };
  });
}

/** The tokens that decide something at a point of the picture, in [0, 1]; in their order. */
export function tokensAt(boxes: readonly (Box | null)[], x: number, y: number): number[] {
  const found: number[] = [];
  boxes.forEach((box, token) => {
    if (box && x >= box.left && x < box.right && y >= box.top && y < box.bottom) found.push(token);
  });
  return found;
}

/** The rectangle around all of them. */
export function boxAround(boxes: readonly (Box | null)[], tokens: Iterable<number>): Box | null {
  let around: Box | null = null;
  for (const token of tokens) {
    const box = boxes[token];
    if (!box) continue;
    around = around
      ? {
          left: Math.min(around.left, box.left),
          top: Math.min(around.top, box.top),
          right: Math.max(around.right, box.right),
          bottom: Math.max(around.bottom, box.bottom),
        }
      : box;
  }
  return around;
}
