/**
 * Processor time and peak memory of the command line's start: `revq --help`, `--version`, `plugins` and `config`, next to
 * `node -e 0` in the same run. Runs take turns, so that a busy machine slows all of them alike. Medians. The exit code is 1
 * if a target is missed.
 *
 *     node tools/bench/start-up.mjs [RUNS] [REVQ]     default: 9 runs, apps/cli/bin/revq.js (built)
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const runs = Number(process.argv[2] ?? 9);
const revq = process.argv[3] ?? fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));

/** Targets: seconds of processor time more than `node -e 0`, and MB of peak memory. */
const cases = [
  { name: "node -e 0", args: ["-e", "0"] },
  { name: "revq --version", args: [revq, "--version"], seconds: 0.2, megabytes: 80 },
  { name: "revq --help", args: [revq, "--help"], seconds: 0.2, megabytes: 80 },
  { name: "revq plugins", args: [revq, "plugins"], seconds: 0.7 },
  { name: "revq config", args: [revq, "config"], seconds: 0.7 },
];

const folder = mkdtempSync(join(tmpdir(), "revq-start-up-"));
const usageFile = join(folder, "usage.json");
const preload = join(folder, "preload.cjs");
writeFileSync(
  preload,
  `process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  require("node:fs").writeFileSync(${JSON.stringify(usageFile)}, JSON.stringify([(userCPUTime + systemCPUTime) / 1e6, maxRSS / 1000]));
});`,
);

/** @returns seconds of processor time, MB of peak resident memory */
function measure(args) {
  const { status, stderr } = spawnSync(process.execPath, ["--require", preload, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}:\n${stderr}`);
  return JSON.parse(readFileSync(usageFile, "utf8"));
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

try {
  const measured = cases.map(() => []);
  for (const { args } of cases) measure(args); // fills the file cache
  for (let run = 0; run < runs; run++) for (const [i, { args }] of cases.entries()) measured[i].push(measure(args));
  const medians = measured.map((values) => [0, 1].map((at) => median(values.map((value) => value[at]))));
  const [nodeSeconds] = medians[0];
  console.log("command           seconds     more  x node     MB");
  for (const [i, { name, seconds: target = Infinity, megabytes: limit = Infinity }] of cases.entries()) {
    const [seconds, megabytes] = medians[i];
    const missed = seconds - nodeSeconds > target || megabytes > limit;
    const cells = [seconds.toFixed(3), (seconds - nodeSeconds).toFixed(3), (seconds / nodeSeconds).toFixed(2)];
    console.log(
      `${name.padEnd(16)} ${cells.map((cell) => cell.padStart(8)).join("")} ${megabytes.toFixed(0).padStart(6)}${missed ? "  missed" : ""}`,
    );
    if (missed) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
