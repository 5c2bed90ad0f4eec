/** What all commands share: the container, the engine, progress, Ctrl-C, and errors as a user sees them. */
import { Command, Flags, type Interfaces } from "@oclif/core";
import { isRevqError, RevqError, type PluginRegistry } from "@revq/core";
import type { Engine, EngineId } from "@revq/engine";
import type { Services } from "./composition/container.js";
import { exitCodeOf, interruptedExitCode } from "./errors/exit-code.js";
import { describeError, type ErrorReport } from "./errors/describe-error.js";
import { describeParseError } from "./errors/parse-error.js";
import { printError } from "./errors/print-error.js";
import { progressDisplay, type ProgressDisplay } from "./output/progress-display.js";

/** The flags that every command has. */
export interface SharedFlags {
  readonly plugin?: string[] | undefined;
  readonly verbose?: boolean | undefined;
}

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    plugin: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: "a package or path with more plugins",
      helpGroup: "GLOBAL",
      helpValue: "<name>",
    }),
    verbose: Flags.boolean({ description: "explain the choices that are made", helpGroup: "GLOBAL" }),
  };

  protected readonly display: ProgressDisplay = progressDisplay(process.stderr);
  private readonly abort = new AbortController();
  private engine: Engine | null = null;
  /** The flags of the call, once they are parsed. */
  private given: Readonly<Record<string, unknown>> = {};
  /** What to tell a user who stopped the command, if the work can be continued. */
  protected adviceAfterInterrupt: string | undefined;

  protected get signal(): AbortSignal {
    return this.abort.signal;
  }

  override async init(): Promise<void> {
    await super.init();
    const interrupt = (): void => {
      if (this.abort.signal.aborted) process.exit(interruptedExitCode);
      this.display.note("Stopping. Press Ctrl-C again to stop at once.");
      const fix = this.adviceAfterInterrupt;
      this.abort.abort(new RevqError("interrupted", "Stopped by the user.", fix === undefined ? {} : { fix }));
    };
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", interrupt);
  }

  protected override async parse<
    F extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    B extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    A extends Interfaces.OutputArgs<Interfaces.ArgInput>,
  >(options?: Interfaces.Input<F, B, A>, argv?: string[]): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv);
    const { flags, metadata } = parsed;
    this.given = Object.fromEntries(Object.entries(flags).filter(([name]) => !metadata.flags[name]?.setFromDefault));
    return parsed;
  }

  /** A line for the user on stderr; it never mixes with results. */
  protected readonly note = (line: string): void => this.display.note(line);

  /** The plugins alone, for a command that starts nothing. */
  async plugins(named: readonly string[] = []): Promise<PluginRegistry> {
    const { openPlugins } = await import("./composition/open-plugins.js");
    return openPlugins(named, this.note);
  }

  /** The container's services, with the plugins that flags or a configuration name. */
  async services(named: readonly string[] = []): Promise<Services> {
    const { openServices } = await import("./composition/open-services.js");
    const report = this.display.update.bind(this.display);
    return openServices(named, { report, note: this.note, signal: this.signal });
  }

  /** Brings the engine up and notes which one it is. */
  async startEngine({ openEngine }: Services, id: string | undefined, verbose = false): Promise<Engine> {
    const note = verbose ? this.note : (): void => {};
    this.engine = await openEngine({ engine: (id ?? "auto") as EngineId | "auto", note });
    this.note(`Engine: ${this.engine.description}`);
    const faster = this.engine.refused.find(({ id }) => id === "onnx");
    if (faster && !verbose)
      this.note(`The faster engine onnx does not work here: ${faster.reason} revq doctor says more.`);
    return this.engine;
  }

  override async finally(error: Error | undefined): Promise<void> {
    this.display.finish();
    this.engine?.dispose();
    await super.finally(error);
  }

  override async catch(error: Error & { oclif?: { exit?: number | false } }): Promise<void> {
    this.display.finish();
    // Without this, oclif warns of a command that forgot to parse its flags.
    this.parsed = true;
    if (isRevqError(error)) {
      const flags = { ...this.ctor.baseFlags, ...this.ctor.flags };
      this.fail(describeError(error, flags), exitCodeOf(error, this.given));
    }
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) this.fail({ code: `system-${code ?? "error"}`, message: error.message }, 1);
    const usageExit = error.oclif?.exit;
    if (typeof usageExit === "number" && usageExit !== 0) {
      const flags = Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags });
      this.fail(describeParseError(error, (this.id ?? "").replaceAll(":", " "), flags), usageExit);
    }
    return super.catch(error);
  }

  /** Ends the command with an error on stderr and, with `--json`, on stdout. */
  private fail(report: ErrorReport, exitCode: number): never {
    printError(report, this.jsonEnabled());
    this.exit(exitCode);
  }
}
