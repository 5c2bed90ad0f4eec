/**
 * Names under which the composition root (CLI, viewer) registers what the rest of the program is given. Symbols, so that no
 * package needs decorators or the container itself.
 */
export const dependencyTokens = {
  /** `PluginRegistry` with every plugin that was found. */
  plugins: Symbol.for("revq.plugins"),
  /** `(request) => Promise<Engine>` of `@revq/engine`. */
  engine: Symbol.for("revq.engine"),
  /** `(spec: string) => Promise<WeightsSource>`. */
  weights: Symbol.for("revq.weights"),
} as const;
