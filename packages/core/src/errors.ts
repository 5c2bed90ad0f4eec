/**
 * Errors that a user can act on. Anything thrown on purpose in revq is a `RevqError`: its message says what was got and
 * what was expected, `fix` says what to do. Any other error that reaches the user is a defect of ours.
 */
export interface RevqErrorOptions {
  /** What the user can do about it: one sentence, or a command to run. */
  readonly fix?: string;
  /** 1 (default): the input or the environment is at fault; 2: the command was called wrongly; 3: no usable engine. */
  readonly exitCode?: 1 | 2 | 3;
  readonly cause?: unknown;
}

export class RevqError extends Error {
  override readonly name = "RevqError";
  readonly fix: string | undefined;
  readonly exitCode: 1 | 2 | 3;

  /** @param code stable, in kebab case ("safetensors-truncated"): scripts may test it; messages may change. */
  constructor(
    readonly code: string,
    message: string,
    options: RevqErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fix = options.fix;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** True for errors of this class from any copy of this package (a plugin may bring its own). */
export function isRevqError(error: unknown): error is RevqError {
  return error instanceof Error && error.name === "RevqError" && "code" in error;
}
