/** Runs revq and tells how long it took and how much memory the process had at most (VmHWM of /proc: Linux). */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));

/** @returns what revq answered with --json, seconds, MiB, load when it began; throws with what it said when it failed */
export function runMeasured(args) {
  return new Promise((resolve, reject) => {
    const load = loadavg()[0];
    const start = performance.now();
    const child = spawn(process.execPath, [binary, ...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr, peak] = ["", "", 0];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    const look = setInterval(() => {
      try {
        const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
        if (found) peak = Number(found[1]) / 1024;
      } catch {
        // it has just ended
      }
    }, 50);
    child.on("close", (code) => {
      clearInterval(look);
      if (code !== 0) reject(new Error(`revq ${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`));
      else resolve({ answer: JSON.parse(stdout), seconds: (performance.now() - start) / 1000, mebibytes: peak, load });
    });
  });
}
