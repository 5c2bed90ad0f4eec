/**
 * The composition root: the only place that knows which plugins, engines and weights openers there are. Everything else gets
 * what it needs as plain arguments. tsyringe with symbol tokens and factories, no decorators.
 */
import "reflect-metadata";
import { dependencyTokens, PluginRegistry, type Plugin, type WeightsSource } from "@revq/core";
import { createEngine, type Engine, type EngineId } from "@revq/engine";
import { openWeights, type OpenWeightsOptions } from "@revq/formats/node";
import { container as rootContainer, type DependencyContainer } from "tsyringe";
import { embeddedFolder } from "./embedded-weights.js";

export interface FoundPlugin {
  readonly plugin: Plugin;
  /** The package or path it came from. */
  readonly origin: string;
}

export interface EngineRequest {
  readonly engine: EngineId | "auto";
  readonly note: (line: string) => void;
}

export type OpenEngine = (request: EngineRequest) => Promise<Engine>;
export type OpenWeights = (spec: string) => Promise<WeightsSource>;

/** A fresh container; nothing is shared between two of them. @param downloads how opening weights reports, and what stops it */
export function createContainer(
  plugins: readonly FoundPlugin[],
  downloads: OpenWeightsOptions = {},
): DependencyContainer {
  const container = rootContainer.createChildContainer();
  const registry = new PluginRegistry();
  for (const { plugin, origin } of plugins) registry.register(plugin, origin);
  container.register(dependencyTokens.plugins, { useValue: registry });
  container.register<OpenEngine>(dependencyTokens.engine, {
    useValue: ({ engine, note }) => createEngine({ engine, onNote: note }),
  });
  container.register<OpenWeights>(dependencyTokens.weights, {
    useValue: (spec) => openWeights(embeddedFolder(spec), downloads),
  });
  return container;
}

/** What a command asks the container for. */
export function services(container: DependencyContainer): {
  plugins: PluginRegistry;
  openEngine: OpenEngine;
  openWeights: OpenWeights;
} {
  return {
    plugins: container.resolve<PluginRegistry>(dependencyTokens.plugins),
    openEngine: container.resolve<OpenEngine>(dependencyTokens.engine),
    openWeights: container.resolve<OpenWeights>(dependencyTokens.weights),
  };
}
