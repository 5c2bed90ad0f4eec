/**
 * Runs the backend tests of tfjs-core's own suite on this backend, and on tfjs cpu to know which
 * tests can pass in Node. Prints the number of passes and the messages of failures, most frequent
 * first.
 *
 * The suite is bundled, so that it uses the same tfjs-core as the backend. It needs jasmine-core.
 * After `tsc -b`: npm install --no-save jasmine-core@5 && node
 * packages/tfjs-backend-onnx/bench/core-suite.mjs
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const backends = {
  cpu: `import "@tensorflow/tfjs-backend-cpu";`,
  onnx: `import { registerOnnxBackend } from "./dist/index.js"; registerOnnxBackend();`,
};

/**
 * The program that runs the suite over one backend and writes { full name: "" or the first failure
 * } as JSON.
 */
const program = (name) => `
  import * as tf from "@tensorflow/tfjs-core";
  import "@tensorflow/tfjs-layers";
  import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
  import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util";
  ${backends[name]}
  import jasmineCore from "jasmine-core";
  import { writeFileSync } from "node:fs";
  process.on("unhandledRejection", () => {});
  const runner = jasmineCore.boot().getEnv();
  runner.configure({ random: false });
  const results = {};
  runner.addReporter({
    specDone({ fullName, status, failedExpectations }) {
      if (status === "failed") results[fullName] = failedExpectations[0]?.message || "failed";
      else if (status === "passed") results[fullName] ??= "";
    },
  });
  await tf.setBackend(${JSON.stringify(name)});
  setTestEnvs([{ name: "test", backendName: ${JSON.stringify(name)}, isDataSync: true }]);
  await import("@tensorflow/tfjs-core/dist/tests");
  await runner.execute();
  writeFileSync(process.argv[2], JSON.stringify(results));
  process.exit(0);
`;

const folder = mkdtempSync(join(root, ".core-suite-"));
try {
  const [expected, got] = await Promise.all(Object.keys(backends).map(results));
  const fair = Object.keys(expected).filter((name) => expected[name] === "");
  const failed = fair.filter((name) => got[name] !== "");
  const reasons = new Map();
  for (const name of failed) {
    const reason = (got[name] ?? "did not run").split("\n")[0].slice(0, 160);
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  for (const [reason, names] of [...reasons].sort((a, b) => b[1].length - a[1].length))
    console.log(`${String(names.length).padStart(5)}  ${reason}\n         ${names[0]}`);
  console.log(`${fair.length - failed.length} of the ${fair.length} tests that pass on tfjs cpu pass on onnx.`);
} finally {
  rmSync(folder, { recursive: true });
}

async function results(name) {
  const [bundle, output] = [join(folder, `${name}.mjs`), join(folder, `${name}.json`)];
  const entry = join(root, `${name}-suite.js`);
  await build({
    input: entry,
    plugins: [
      {
        name: "suite",
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? program(name) : null),
      },
    ],
    treeshake: false, // the test files count as free of side effects
    platform: "node",
    external: ["onnxruntime-node", /^jasmine-core/],
    resolve: { mainFields: ["module", "main"] },
    logLevel: "silent",
    output: { file: bundle, format: "esm", codeSplitting: false },
  });
  const { status, stderr } = spawnSync(process.execPath, [bundle, output], { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`The suite over ${name} ended with status ${status}:\n${stderr.slice(-2000)}`);
  return JSON.parse(readFileSync(output, "utf8"));
}
