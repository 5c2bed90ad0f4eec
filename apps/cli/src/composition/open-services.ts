/** The services of one command: the plugins are found, the container is filled. */
import type { ReportProgress } from "@revq/core";
import { createContainer, services, type Services } from "./container.js";
import { discoverPlugins } from "./discover-plugins.js";

export interface ServicesContext {
  readonly report: ReportProgress;
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** @param named packages and paths with plugins, from flags and configuration */
export async function openServices(named: readonly string[], context: ServicesContext): Promise<Services> {
  const { plugins, problems } = await discoverPlugins([...new Set(named)], process.cwd());
  for (const problem of problems) context.note(problem);
  return services(createContainer(plugins, context));
}
