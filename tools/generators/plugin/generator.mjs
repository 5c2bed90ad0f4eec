/**
 * `npx nx g @revq/tools:plugin --kind quantizer --name my-vq` writes plugins/quantizer-my-vq. It adds the package to the
 * root's devDependencies, by which the command line finds it (keyword `revq-plugin`), and to the references of
 * tsconfig.json. Then it installs and builds.
 */
import { execFileSync } from "node:child_process";
import { checkName, pluginFiles } from "@revq/plugin-template";
import { formatFiles, readJson, updateJson } from "@nx/devkit";

export default async function generate(tree, { kind, name }) {
  const problem = checkName(name);
  if (problem) throw new Error(`${problem}.`);
  const folder = `plugins/${kind}-${name}`;
  if (tree.exists(folder)) throw new Error(`${folder} exists already.`);
  const { version } = readJson(tree, "packages/core/package.json");
  const packageName = `@revq/${kind}-${name}`;
  const files = pluginFiles({ kind, name, packageName, target: "workspace", version: `^${version}` });
  for (const [path, text] of Object.entries(files)) tree.write(`${folder}/${path}`, text);
  tree.write(`${folder}/LICENSE`, tree.read("LICENSE"));
  updateJson(tree, "package.json", (json) => {
    const devDependencies = { ...json.devDependencies, [packageName]: `^0.0.0` };
    return { ...json, devDependencies: Object.fromEntries(Object.entries(devDependencies).sort()) };
  });
  await formatFiles(tree);
  return () => {
    const run = (command, ...args) => execFileSync(command, args, { cwd: tree.root, stdio: "inherit" });
    run("npm", "install", "--ignore-scripts");
    run("node", "tools/references/sync.mjs");
    run("npm", "run", "build");
    console.log(`\n  npx vitest run ${folder}\n  npx revq train --${kind} ${name}`);
  };
}
