/**
 * `<rv-usage>`: a row a group, a column a code. Frequent codes are strong, codes that no image hit
 * are marked. Picks a group.
 */
import { strength } from "../colours.js";
import { define } from "./canvas-element.js";
import { Picker } from "./picker.js";

export interface UsageContent {
  readonly counts: Int32Array;
  readonly codebookSizes: readonly number[];
  /** Changes whenever the counts did. */
  readonly version: number;
}

export class UsageMap extends Picker {
  private shown: UsageContent | null = null;

  set content(content: UsageContent) {
    this.shown = content;
    this.announce();
    this.redraw();
  }

  protected get count(): number {
    return this.shown?.codebookSizes.length ?? 0;
  }

  protected describe(group: number): string {
    return `group ${group}`;
  }

  protected pickAt(_x: number, y: number): number | null {
    const group = Math.floor((y / this.clientHeight) * this.count);
    return group >= 0 && group < this.count ? group : null;
  }

  /**
   * With more codes than pixels, a pixel shows its most frequent code. It is marked if none was
   * hit.
   */
  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    const { counts, codebookSizes } = this.shown;
    const accent = this.colour("--accent");
    const dead = this.colour("--dead");
    const palette = Array.from({ length: 33 }, (_, i) => strength(accent, i / 32));
    const max = counts.reduce((largest, count) => Math.max(largest, count), 1);
    const h = height / codebookSizes.length;
    let start = 0;
    codebookSizes.forEach((size, group) => {
      const columns = Math.min(size, Math.floor(width));
      const w = width / columns;
      for (let column = 0; column < columns; column++) {
        const first = start + Math.floor((column * size) / columns);
        const last = start + Math.floor(((column + 1) * size) / columns);
        let largest = 0;
        for (let code = first; code < last; code++) largest = Math.max(largest, counts[code]!);
        context.fillStyle = largest === 0 ? dead : palette[Math.ceil((32 * Math.log1p(largest)) / Math.log1p(max))]!;
        context.fillRect(column * w, group * h, w > 3 ? w - 0.5 : w, h > 3 ? h - 1 : h);
      }
      start += size;
    });
    context.strokeStyle = this.colour("--ink");
    for (const group of [this.hovered, this.value]) {
      if (group === null) continue;
      context.lineWidth = group === this.value ? 1.5 : 1;
      context.strokeRect(0.75, group * h + 0.25, width - 1.5, Math.max(2, h - 1));
    }
  }
}

define("rv-usage", UsageMap);
