/**
 * The composition root: the only place that knows the plugins, the engines and the openers of weights. All other code gets
 * them as plain arguments. tsyringe with symbol tokens and factories, no decorators. Engines and file formats are loaded
 * when they are first used.
 */
import "reflect-metadata";
import type { PluginRegistry, WeightsSource } from "@revq/core";
import type { Engine, EngineId } from "@revq/engine";
import type { OpenWeightsOptions } from "@revq/formats/node";
import { container as rootContainer, type DependencyContainer } from "tsyringe";
import { embeddedFolder } from "../weights/embedded-weights.js";
import { dependencyTokens } from "./dependency-tokens.js";
import type { FoundPlugin } from "./discover-plugins.js";
import { registryOf } from "./open-plugins.js";

export interface EngineRequest {
  readonly engine: EngineId | "auto";
  readonly note: (line: string) => void;
}

export type OpenEngine = (request: EngineRequest) => Promise<Engine>;
export type OpenWeights = (spec: string) => Promise<WeightsSource>;

/** What a command asks the container for. */
export interface Services {
  readonly plugins: PluginRegistry;
  readonly openEngine: OpenEngine;
  readonly openWeights: OpenWeights;
}

/**
 * A fresh container; nothing is shared between two of them.
 *
 * @param downloads how opening weights reports its progress, and the signal that stops it
 */
export function createContainer(
  plugins: readonly FoundPlugin[],
  downloads: OpenWeightsOptions = {},
): DependencyContainer {
  const container = rootContainer.createChildContainer();
  container.register(dependencyTokens.plugins, { useValue: registryOf(plugins) });
  container.register<OpenEngine>(dependencyTokens.engine, {
    useValue: async ({ engine, note }) => {
      const { createEngine } = await import("@revq/engine");
      return createEngine({ engine, onNote: note });
    },
  });
  container.register<OpenWeights>(dependencyTokens.weights, {
    useValue: async (spec) => {
      const { openWeights } = await import("@revq/formats/node");
      return openWeights(embeddedFolder(spec), downloads);
    },
  });
  return container;
}

export function services(container: DependencyContainer): Services {
  return {
    plugins: container.resolve<PluginRegistry>(dependencyTokens.plugins),
    openEngine: container.resolve<OpenEngine>(dependencyTokens.engine),
    openWeights: container.resolve<OpenWeights>(dependencyTokens.weights),
  };
}
