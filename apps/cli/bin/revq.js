#!/usr/bin/env node
import * as module from "node:module";

module.enableCompileCache?.(); // Node 22.8 and newer
const { execute } = await import("@oclif/core/execute");
await execute({ dir: import.meta.url });
