/**
 * `npx nx g @revq/tools:plugin --kind quantizer --name my-vq`: writes plugins/quantizer-my-vq, adds it to the references of tsconfig.json
 * and to the root's devDependencies, by which the command line finds it (keyword `revq-plugin`), installs and builds.
 */
import { execFileSync } from "node:child_process";
import { checkName, pluginFiles } from "@revq/plugin-template";
import { formatFiles, readJson, updateJson } from "@nx/devkit";

export default async function generate(tree, { kind, name }) {
  const problem = checkName(name);
  if (problem) throw new Error(`${problem}.`);
  const folder = `plugins/${kind}-${name}`;
  if (tree.exists(folder)) throw new Error(`${folder} is there already.`);
  const { version } = readJson(tree, "packages/core/package.json");
  const packageName = `@revq/${kind}-${name}`;
  const files = pluginFiles({ kind, name, packageName, place: "workspace", version: `^${version}` });
  for (const [path, text] of Object.entries(files)) tree.write(`${folder}/${path}`, text);
  tree.write(`${folder}/LICENSE`, tree.read("LICENSE"));
  updateJson(tree, "tsconfig.json", (json) => {
    const before = json.references.findIndex(({ path }) => path.startsWith("./apps/"));
    json.references.splice(before < 0 ? json.references.length : before, 0, { path: `./${folder}` });
    return json;
  });
  updateJson(tree, "package.json", (json) => {
    const devDependencies = { ...json.devDependencies, [packageName]: `^0.0.0` };
    return { ...json, devDependencies: Object.fromEntries(Object.entries(devDependencies).sort()) };
  });
  await formatFiles(tree);
  return () => {
    const run = (...args) => execFileSync("npm", args, { cwd: tree.root, stdio: "inherit" });
    run("install", "--ignore-scripts");
    run("run", "build");
    console.log(`\n  npx vitest run ${folder}\n  npx revq train --${kind} ${name}`);
  };
}
