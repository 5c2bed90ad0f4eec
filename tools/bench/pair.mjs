/**
 * Times two commands in turns: medians of wall and processor time, the ratio of the first to the second, and how many cores each kept busy.
 *
 * node tools/bench/pair.mjs [--rounds 3] [--warm 0] 'COMMAND' 'COMMAND'
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";

const { positionals: commands, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, warm: { type: "string", default: "0" } },
});
if (commands.length !== 2) throw new Error(`two commands were expected, got ${commands.length}`);

/** Seconds of the wall and of the processor, children included. */
function time(command) {
  const script = `TIMEFORMAT='%R %U %S'; time { ${command} ; } >/dev/null 2>"$LOG"`;
  const { status, stderr } = spawnSync("bash", ["-c", script], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", LOG: "/dev/null" },
  });
  if (status !== 0) throw new Error(`the exit code ${status} of ${command}`);
  const [wall, user, system] = stderr.trim().split(" ").map(Number);
  return { wall, processor: user + system };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const times = commands.map(() => []);
for (let round = -Number(values.warm); round < Number(values.rounds); round++) {
  for (const [i, command] of commands.entries()) {
    const taken = time(command);
    if (round >= 0) times[i].push(taken);
  }
}
const medians = times.map((each) => ({
  wall: median(each.map(({ wall }) => wall)),
  processor: median(each.map(({ processor }) => processor)),
}));
for (const [i, { wall, processor }] of medians.entries()) {
  const cores = (processor / wall).toFixed(2);
  console.log(`${wall.toFixed(2)} s, ${processor.toFixed(2)} s of processor time, ${cores} cores: ${commands[i]}`);
}
const [first, second] = medians;
const best = times.map((each) => Math.min(...each.map(({ wall }) => wall)));
console.log(
  `ratio ${(first.wall / second.wall).toFixed(2)} (of the best ${(best[0] / best[1]).toFixed(2)}, processor ${(first.processor / second.processor).toFixed(2)}), ${values.rounds} rounds, load ${loadavg()[0].toFixed(1)}`,
);
