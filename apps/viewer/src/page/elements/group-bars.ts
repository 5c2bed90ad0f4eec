/** `<rv-groups>`: two shares of each group's codes: codes in use (pale) and perplexity (strong). */
import type { GroupUsage } from "../usage.js";
import { define } from "./canvas-element.js";
import { Picker } from "./picker.js";

const axis = 38;

export class GroupBars extends Picker {
  private groups: readonly GroupUsage[] = [];

  set content(groups: readonly GroupUsage[]) {
    this.groups = groups;
    this.announce();
    this.redraw();
  }

  protected get count(): number {
    return this.groups.length;
  }

  protected describe(group: number): string {
    const usage = this.groups[group];
    if (!usage) return `group ${group}`;
    return `group ${group}, ${usage.used} of ${usage.codes} codes used, perplexity ${usage.perplexity.toFixed(1)}`;
  }

  protected pickAt(x: number): number | null {
    const group = Math.floor((x - axis) / ((this.clientWidth - axis) / this.count));
    return group >= 0 && group < this.count ? group : null;
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    const accent = this.colour("--accent");
    const pale = this.colour("--accent-pale");
    const line = this.colour("--line");
    const bottom = height - 16;
    const top = 6;
    context.font = "10px ui-sans-serif, system-ui, sans-serif";
    context.textBaseline = "middle";
    for (const share of [0, 0.5, 1]) {
      const y = bottom - share * (bottom - top);
      context.fillStyle = line;
      context.fillRect(axis, Math.round(y), width - axis, 1);
      context.fillStyle = this.colour("--ink-3");
      context.textAlign = "right";
      context.fillText(`${share * 100}%`, axis - 5, y);
    }
    const w = (width - axis) / Math.max(1, this.count);
    const bar = Math.max(0.5, w * 0.74);
    this.groups.forEach(({ codes, used, perplexity }, group) => {
      const x = axis + group * w + (w - bar) / 2;
      const at = (share: number): [number, number, number, number] => {
        const h = share * (bottom - top);
        return [x, bottom - h, bar, h];
      };
      context.fillStyle = pale;
      context.fillRect(...at(used / codes));
      context.fillStyle = accent;
      context.fillRect(...at(perplexity / codes));
    });
    for (const group of [this.hovered, this.value]) {
      if (group === null) continue;
      context.strokeStyle = this.colour("--ink");
      context.lineWidth = group === this.value ? 1.5 : 1;
      context.strokeRect(axis + group * w + (w - bar) / 2 - 1.5, top - 2, bar + 3, bottom - top + 3);
    }
    context.fillStyle = this.colour("--ink-3");
    context.textAlign = "center";
    const every = Math.max(1, Math.ceil(28 / w));
    for (let group = 0; group < this.count; group += every)
      context.fillText(`${group}`, axis + group * w + w / 2, height - 6);
  }
}

define("rv-groups", GroupBars);
