/** A plugin of typedoc: modules are called as they are imported, `packages/formats/src/node` is @revq/formats/node. */
import { Converter, ReflectionKind } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      module.name = module.name.replace(/^(?:packages|plugins|apps)\/([^/]+)\/src/, "@revq/$1");
  });
}
