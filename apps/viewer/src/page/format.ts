/** Numbers as people read them. */

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 ** 2) return `${(count / 1024).toFixed(0)} KB`;
  if (count < 1024 ** 3) return `${(count / 1024 ** 2).toFixed(1)} MB`;
  return `${(count / 1024 ** 3).toFixed(2)} GB`;
}

/** Three digits that count: "640 bytes", "1.25 KB", "192 KB". */
export function size(count: number): string {
  if (count < 1024) return `${Math.ceil(count)} bytes`;
  const [unit, name] = count < 1024 ** 2 ? [1024, "KB"] : [1024 ** 2, "MB"];
  return `${Number((count / unit).toPrecision(3))} ${name}`;
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString("en");
}

export function decibels(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  return value === Infinity ? "∞" : value.toFixed(2);
}

export function fixed(value: number | undefined | null, digits: number): string {
  return value === undefined || value === null || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

export function milliseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share === 1 || share === 0 ? 0 : 1)} %`;
}

/** "4 × 128 codes" or, where groups differ, "4 groups, 16 to 128 codes". */
export function codesText(codebookSizes: readonly number[]): string {
  const [min, max] = [Math.min(...codebookSizes), Math.max(...codebookSizes)];
  if (min === max) return `${whole(codebookSizes.length)} × ${whole(min)} codes`;
  return `${whole(codebookSizes.length)} groups, ${whole(min)} to ${whole(max)} codes`;
}
