/** What all commands share: the container, the engine, progress, Ctrl-C, and errors as a user should see them. */
import { isRevqError, RevqError } from "@revq/core";
import type { Engine, EngineId } from "@revq/engine";
import { Command, Flags, type Interfaces } from "@oclif/core";
import { createContainer, services } from "./container.js";
import { discoverPlugins } from "./discover-plugins.js";
import { progressDisplay, type ProgressDisplay } from "./progress-display.js";

export const engineIds = ["auto", "webgpu", "onnx", "node-gpu", "node", "wasm", "cpu"] as const;

export const engineFlag = Flags.string({
  description: `what computes: ${engineIds.join(", ")}; auto picks the fastest that works here`,
  options: engineIds,
  helpValue: "<id>",
});

export type Services = ReturnType<typeof services>;

/** Exit code after Ctrl-C, once everything is saved. */
const interruptedExitCode = 130;

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags: Interfaces.FlagInput = {
    plugin: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: "a package or path with more plugins",
      helpGroup: "GLOBAL",
      helpValue: "<name>",
    }),
    verbose: Flags.boolean({ description: "say more about what is chosen and why", helpGroup: "GLOBAL" }),
  };

  protected readonly display: ProgressDisplay = progressDisplay(process.stderr);
  private readonly abort = new AbortController();
  private engine: Engine | null = null;
  /** What to tell the user who stopped the command, if there is a way to go on. */
  protected adviceAfterInterrupt: string | undefined;

  protected get signal(): AbortSignal {
    return this.abort.signal;
  }

  override async init(): Promise<void> {
    await super.init();
    const interrupt = (): void => {
      if (this.abort.signal.aborted) process.exit(interruptedExitCode);
      this.display.note("Stopping. Press Ctrl-C again to stop at once.");
      this.abort.abort(new RevqError("interrupted", "Stopped by the user.", this.interruptOptions()));
    };
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", interrupt);
  }

  /** A line for the user on stderr; it never mixes with results. */
  protected readonly note = (line: string): void => this.display.note(line);

  /** The container's services, with the plugins that are named by flag or config. */
  async services(named: readonly string[] = []): Promise<Services> {
    const { plugins, problems } = await discoverPlugins([...new Set(named)], process.cwd());
    for (const problem of problems) this.note(problem);
    const report = this.display.update.bind(this.display);
    return services(createContainer(plugins, { report, note: this.note, signal: this.signal }));
  }

  /** Brings the engine up and says which it is. */
  async startEngine({ openEngine }: Services, id: string, verbose: boolean): Promise<Engine> {
    this.engine = await openEngine({ engine: id as EngineId | "auto", note: verbose ? this.note : () => {} });
    this.note(`Engine: ${this.engine.description}`);
    return this.engine;
  }

  override async finally(error: Error | undefined): Promise<void> {
    this.display.finish();
    this.engine?.dispose();
    await super.finally(error);
  }

  override async catch(error: Error & { oclif?: { exit?: number | false } }): Promise<void> {
    this.display.finish();
    // A flag that does not parse is the user's mistake, not a command that forgot to parse.
    this.parsed = true;
    if (isRevqError(error)) {
      // oclif dresses up what a flag's parser throws.
      error.message = error.message.replace(/^Parsing --\S+ \n\t(.*)\nSee more help with --help$/s, "$1");
      process.stderr.write(`Error: ${error.message}\n${error.fix ? `  ${error.fix}\n` : ""}`);
      this.fail(
        error.code,
        error.message,
        error.fix,
        error.code === "interrupted" ? interruptedExitCode : error.exitCode,
      );
    }
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) {
      process.stderr.write(`Error: ${error.message}\n`);
      this.fail(`system-${code ?? "error"}`, error.message, undefined, 1);
    }
    const usageExit = error.oclif?.exit;
    if (this.jsonEnabled() && typeof usageExit === "number" && usageExit !== 0) {
      process.stderr.write(`Error: ${error.message}\n`);
      this.fail("usage", error.message, "--help shows how the command is called.", usageExit);
    }
    return super.catch(error);
  }

  private interruptOptions(): { fix?: string } {
    return this.adviceAfterInterrupt === undefined ? {} : { fix: this.adviceAfterInterrupt };
  }

  private fail(code: string, message: string, fix: string | undefined, exitCode: number): never {
    if (this.jsonEnabled()) this.logJson({ error: { code, message, fix: fix ?? null } });
    this.exit(exitCode);
  }
}
