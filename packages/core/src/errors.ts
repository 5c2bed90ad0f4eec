/**
 * Errors that a user can act on. Anything thrown on purpose in revq is a `RevqError`: its message
 * says what was got and what was expected, `fix` says what to do. Any other error that reaches the
 * user is a defect of revq.
 */
export interface RevqErrorOptions {
  /** What the user can do: one sentence. It names no flag: see `setting`. */
  readonly fix?: string;
  /** The setting to change. A command line shows it as its flag. */
  readonly setting?: Setting;
  readonly cause?: unknown;
}

/** A setting of a run. */
export interface Setting {
  /** Path in the configuration: `data.imageSize`. */
  readonly path: string;
  /** A value that works, where one is known. */
  readonly value?: string | number | boolean;
  /** There is no such setting: it is where the mistake is, not what to set. */
  readonly unknown?: boolean;
}

/**
 * An error with a stable code.
 *
 * @example
 * const error = new RevqError("image-size", "Images of 250 pixels do not fit: the size must be a multiple of 8.", {
 *   fix: "Use images of 248 pixels.",
 *   setting: { path: "data.imageSize", value: 248 },
 * });
 * error.code; // => "image-size"
 */
export class RevqError extends Error {
  override readonly name = "RevqError";
  readonly fix: string | undefined;
  readonly setting: Setting | undefined;

  /**
   * @param code stable, in kebab case ("safetensors-truncated"): scripts may test it; messages may
   *   change.
   */
  constructor(
    readonly code: string,
    message: string,
    options: RevqErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fix = options.fix;
    this.setting = options.setting;
  }
}

/** True for errors of this class from any copy of this package (a plugin may bring its own). */
export function isRevqError(error: unknown): error is RevqError {
  return error instanceof Error && error.name === "RevqError" && "code" in error;
}

/**
 * The same error about a setting in another section: plugins name the settings of their own section.
 * Other values stay as they are.
 *
 * @param from, to sections: "backbone", "backbone.decoder"
 */
export function withSettingIn(error: unknown, from: string, to: string): unknown {
  if (!isRevqError(error) || !error.setting?.path.startsWith(`${from}.`)) return error;
  const { code, message, fix, setting } = error;
  return new RevqError(code, message, {
    ...(fix === undefined ? {} : { fix }),
    setting: { ...setting, path: to + setting.path.slice(from.length) },
    cause: error,
  });
}
