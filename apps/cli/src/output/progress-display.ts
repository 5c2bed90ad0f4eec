/** Shows progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere. */
import type { Progress } from "@revq/core";
import type * as CliProgress from "cli-progress";
import type { SingleBar } from "cli-progress";
import { createRequire } from "node:module";

export interface ProgressDisplay {
  update(progress: Progress): void;
  /** A line above the bar. */
  note(line: string): void;
  /** Ends the bar, so that the next output starts on a new line. */
  finish(): void;
}

const secondsBetweenLines = 3;

/** Loaded with the first bar: most commands need none. */
const loadBars = (): typeof CliProgress => createRequire(import.meta.url)("cli-progress") as typeof CliProgress;

export function progressDisplay(stream: NodeJS.WriteStream): ProgressDisplay {
  return stream.isTTY ? new Bar(stream) : new Lines(stream);
}

class Bar implements ProgressDisplay {
  private bar: SingleBar | null = null;
  private phase = "";

  constructor(private readonly stream: NodeJS.WriteStream) {}

  update({ phase, done, total, detail = "" }: Progress): void {
    if (phase !== this.phase || !this.bar) {
      this.finish();
      this.phase = phase;
      const { Format, SingleBar } = loadBars();
      this.bar = new SingleBar({
        stream: this.stream,
        format: (options, params, payload: { detail: string }) =>
          `${phase.padEnd(24)} ${Format.BarFormat(params.progress, options)} ${params.value}/${params.total}  ${eta(params.eta)}  ${payload.detail}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 24,
        fps: 5,
        hideCursor: null,
      });
      this.bar.start(total, done, { detail });
      return;
    }
    this.bar.update(done, { detail });
    if (total > 0 && done >= total) this.finish();
  }

  note(line: string): void {
    this.finish();
    this.stream.write(`${line}\n`);
  }

  finish(): void {
    this.bar?.stop();
    this.bar = null;
  }
}

class Lines implements ProgressDisplay {
  private phase = "";
  private last = 0;
  private started = 0;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  update({ phase, done, total, detail }: Progress): void {
    const now = performance.now();
    if (phase !== this.phase) {
      this.phase = phase;
      this.started = now;
      this.last = now;
    }
    const ended = total > 0 && done >= total && now - this.started > 2000;
    if (!ended && now - this.last < secondsBetweenLines * 1000) return;
    this.last = now;
    const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
    this.stream.write(`${phase}: ${done}${total > 0 ? ` of ${total}` : ""}${share}${detail ? `, ${detail}` : ""}\n`);
  }

  note(line: string): void {
    this.stream.write(`${line}\n`);
  }

  finish(): void {}
}

function eta(seconds: number | string): string {
  const value = Number(seconds);
  if (!Number.isFinite(value)) return "";
  return value >= 90 ? `${Math.round(value / 60)} min left` : `${Math.round(value)} s left`;
}
