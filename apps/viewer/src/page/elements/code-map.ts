/**
 * `<rv-codes>`: the codes of one group in the plane of their first two principal components. Size
 * and strength show the frequency; rings are codes that no image hit yet.
 */
import type { Codebook } from "../../protocol/messages.js";
import { strength } from "../colours.js";
import { define } from "./canvas-element.js";
import { Picker } from "./picker.js";

export interface CodeMapContent {
  readonly codebook: Codebook;
  readonly counts: Int32Array;
  readonly version: number;
  /** Codes to mark, such as those nearest the chosen one. */
  readonly marked: readonly number[];
}

export class CodeMap extends Picker {
  private shown: CodeMapContent | null = null;

  set content(content: CodeMapContent | null) {
    this.shown = content;
    this.announce();
    this.redraw();
  }

  protected get count(): number {
    return this.shown ? this.shown.codebook.map.length / 2 : 0;
  }

  protected describe(code: number): string {
    return `code ${code}, ${this.shown?.counts[code] ?? 0} hits`;
  }

  protected pickAt(x: number, y: number): number | null {
    const position = this.positions(this.clientWidth, this.clientHeight);
    let best: number | null = null;
    let min = 14 ** 2;
    for (let code = 0; code < this.count; code++) {
      const [cx, cy] = position(code);
      const distance = (cx - x) ** 2 + (cy - y) ** 2;
      if (distance < min) [best, min] = [code, distance];
    }
    return best;
  }

  /** One scale for both axes: distances mean something. */
  private positions(width: number, height: number): (code: number) => [number, number] {
    const map = this.shown?.codebook.map ?? new Float32Array();
    let extent = 1e-9;
    for (let i = 0; i < map.length; i += 2) {
      extent = Math.max(extent, Math.abs(map[i]!) / (width - 24), Math.abs(map[i + 1]!) / (height - 24));
    }
    return (code) => [width / 2 + map[code * 2]! / (2 * extent), height / 2 - map[code * 2 + 1]! / (2 * extent)];
  }

  protected override draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.shown) return;
    const { counts, marked } = this.shown;
    const position = this.positions(width, height);
    const accent = this.colour("--accent");
    const palette = Array.from({ length: 17 }, (_, i) => strength(accent, 0.35 + (0.65 * i) / 16));
    const unseen = this.colour("--ink-3");
    const max = counts.reduce((largest, count) => Math.max(largest, count), 1);
    context.fillStyle = this.colour("--line");
    context.fillRect(0, Math.round(height / 2), width, 1);
    context.fillRect(Math.round(width / 2), 0, 1, height);
    const small = this.count > 2000;
    for (let code = 0; code < this.count; code++) {
      const [x, y] = position(code);
      const share = Math.log1p(counts[code]!) / Math.log1p(max);
      context.beginPath();
      context.arc(x, y, (small ? 1.2 : 2.2) + share * (small ? 2 : 3.2), 0, 2 * Math.PI);
      if (counts[code] === 0) {
        context.strokeStyle = unseen;
        context.lineWidth = 1;
        context.stroke();
      } else {
        context.fillStyle = palette[Math.round(share * 16)]!;
        context.fill();
      }
    }
    const ring = (code: number, radius: number, line: number, colour: string): void => {
      const [x, y] = position(code);
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.stroke();
    };
    const ink = this.colour("--ink");
    for (const code of marked) ring(code, 7, 1, ink);
    if (this.hovered !== null) ring(this.hovered, 8, 1.5, ink);
    if (this.value !== null && this.value < this.count) ring(this.value, 9, 2.5, ink);
  }
}

define("rv-codes", CodeMap);
