/** The names under which the container keeps its services. Symbols, because nothing here uses decorators. */
export const dependencyTokens = {
  /** `PluginRegistry` with every plugin that was found. */
  plugins: Symbol.for("revq.plugins"),
  /** `(request: EngineRequest) => Promise<Engine>`. */
  engine: Symbol.for("revq.engine"),
  /** `(spec: string) => Promise<WeightsSource>`. */
  weights: Symbol.for("revq.weights"),
} as const;
