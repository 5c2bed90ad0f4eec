/**
 * A run's `metrics.jsonl` as series: one record a line, `{epoch | pass | step, …}` with numbers,
 * possibly nested.
 */
import { RevqError } from "@revq/core";

export type MetricsRecord = Readonly<Record<string, unknown>>;

/** The possible x axes. A record's axis is the first that it has. */
const axes = ["epoch", "step", "pass"] as const;
export type Axis = (typeof axes)[number];

export interface Chart {
  readonly title: string;
  readonly axis: Axis;
  readonly series: readonly Series[];
}

export interface Series {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** @param name for messages. A last line that is cut off (the run is still writing) is left out. */
export function parseMetrics(text: string, name: string): MetricsRecord[] {
  const lines = text.split("\n");
  const records: MetricsRecord[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      const value = JSON.parse(line) as unknown;
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it is no object");
      records.push(value as MetricsRecord);
    } catch (cause) {
      if (index === lines.length - 1) break;
      throw new RevqError("metrics-syntax", `${name}, line ${index + 1} is no record: ${(cause as Error).message}.`, {
        fix: "Open the metrics.jsonl of a run folder.",
      });
    }
  }
  return records;
}

/**
 * One chart for each first-level key and axis. Its leaves are series: `latentMse` has `train
 * quantized`, `val rectified`, …
 */
export function chartsOf(
  runs: readonly { readonly name: string; readonly records: readonly MetricsRecord[] }[],
): Chart[] {
  const charts = new Map<string, { title: string; axis: Axis; series: Map<string, { x: number[]; y: number[] }> }>();
  const names = distinctNames(runs.map(({ name }) => name));
  for (const [run, { records }] of runs.entries()) {
    const name = names[run]!;
    for (const record of records) {
      const axis = axes.find((key) => typeof record[key] === "number");
      if (!axis) continue;
      for (const [key, value] of Object.entries(record)) {
        if ((axes as readonly string[]).includes(key)) continue;
        for (const { path, number } of leaves(value)) {
          const id = `${axis} ${key}`;
          let chart = charts.get(id);
          if (!chart) charts.set(id, (chart = { title: words(key), axis, series: new Map() }));
          const label = [...(runs.length > 1 ? [name] : []), ...path.map(words)].join(" ") || words(key);
          let series = chart.series.get(label);
          if (!series) chart.series.set(label, (series = { x: [], y: [] }));
          series.x.push(record[axis] as number);
          series.y.push(number);
        }
      }
    }
  }
  const order = (axis: Axis): number => axes.indexOf(axis);
  const all = [...charts.values()];
  return all
    .map(({ title, axis, series }) => ({
      title: all.some((other) => other.title === title && other.axis !== axis) ? `${title}, by ${axis}` : title,
      axis,
      series: [...series].map(([label, points]) => ({ label, ...points })),
    }))
    .sort((a, b) => order(a.axis) - order(b.axis));
}

/** "a", "a" and "b" -> "a", "a (2)" and "b": runs of one name keep their own series. */
export function distinctNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

function leaves(value: unknown, path: string[] = []): { path: string[]; number: number }[] {
  if (typeof value === "number" && Number.isFinite(value)) return [{ path, number: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

/** latentMse -> latent mse */
function words(key: string): string {
  return key.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}
