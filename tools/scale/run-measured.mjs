/** Runs revq and tells how long it took, by the clock and by the processor, and how much memory it had at most. Linux: it looks into /proc. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));

/** Of sysconf(_SC_CLK_TCK), which is 100 on every Linux that runs Node. */
const ticksPerSecond = 100;

/** @returns what revq answered with --json, seconds, processor seconds, MiB, load when it began; throws with what it said when it failed */
export function runMeasured(args) {
  return new Promise((resolve, reject) => {
    const load = loadavg()[0];
    const start = performance.now();
    const child = spawn(process.execPath, [binary, ...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr, peak, ticks] = ["", "", 0, 0];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    const look = setInterval(() => {
      try {
        const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
        if (found) peak = Number(found[1]) / 1024;
        // utime and stime: the 14th and 15th field; the second, a name in brackets, may hold spaces.
        const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ");
        ticks = Number(fields[11]) + Number(fields[12]);
      } catch {
        // it has just ended
      }
    }, 50);
    child.on("close", (code) => {
      clearInterval(look);
      if (code !== 0) return reject(new Error(`revq ${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`));
      const seconds = (performance.now() - start) / 1000;
      resolve({ answer: JSON.parse(stdout), seconds, processor: ticks / ticksPerSecond, mebibytes: peak, load });
    });
  });
}
