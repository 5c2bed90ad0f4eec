/** Prints the last line of `.ci/run`, counted from vitest's JSON report: `tests: 412 passed, 0 failed, 3 skipped`. */
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(new URL("../reports/vitest.json", import.meta.url), "utf8"));
const skipped = report.numPendingTests + report.numTodoTests;
// A file that cannot be loaded counts as a failure even though none of its tests ran.
const brokenFiles = report.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
).length;
console.log(
  `tests: ${report.numPassedTests} passed, ${report.numFailedTests + brokenFiles} failed, ${skipped} skipped`,
);
