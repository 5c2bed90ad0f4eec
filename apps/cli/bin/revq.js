#!/usr/bin/env node
import { readFileSync } from "node:fs";
import * as module from "node:module";

if (process.argv.length === 3 && process.argv[2] === "--version") {
  const { name, version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  console.log(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}`);
} else {
  module.enableCompileCache?.(); // Node 22.8 and newer
  const { execute } = await import("@oclif/core/execute");
  await execute({ dir: import.meta.url });
}
