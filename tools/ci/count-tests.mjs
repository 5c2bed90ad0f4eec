/** Prints the last line of `.ci/run`, counted from vitest's JSON report: `tests: 412 passed, 0 failed, 3 skipped`. */
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(new URL("../../reports/vitest.json", import.meta.url), "utf8"));
const skipped = report.numPendingTests + report.numTodoTests;
// A file that cannot be loaded, or whose set-up fails, counts as a failure even though no test of it failed.
const failedAlone = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
).length;
console.log(
  `tests: ${report.numPassedTests} passed, ${report.numFailedTests + failedAlone} failed, ${skipped} skipped`,
);
