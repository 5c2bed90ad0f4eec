/**
 * One run at a time in a folder: `run/lock` names the process that works there. The lock of a dead
 * process (killed, machine restarted) is taken over. The process of another machine counts as dead
 * after five minutes without a touch.
 */
import { RevqError } from "@revq/core";
import { link, mkdir, readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /**
   * Distinguishes a process from a later one with the same number; null where the system has no
   * such data.
   */
  readonly processStart: string | null;
}

const touchSeconds = 30;
const deadAfterSeconds = 300;
/** A takeover takes milliseconds; one that is older was killed. */
const takeoverSeconds = 10;

export interface RunLock {
  release(): Promise<void>;
}

/** Throws `run-locked` when another run works in the folder. */
export async function lockRun(path: string, note: (line: string) => void): Promise<RunLock> {
  await mkdir(dirname(path), { recursive: true });
  const mine: Owner = { pid: process.pid, host: hostname(), processStart: await processStart(process.pid) };
  const text = JSON.stringify(mine);
  while (!(await create(path, text))) {
    const found = await readFile(path, "utf8").catch(() => null);
    if (found === null) continue; // released meanwhile
    const owner = parseOwner(found);
    if (await isAlive(owner, path)) throw locked(path, owner);
    if (await removeLock(path, found)) note(`Removed the lock of a dead run (${describe(owner)}).`);
  }
  const touch = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, touchSeconds * 1000);
  touch.unref();
  return {
    async release() {
      clearInterval(touch);
      if ((await readFile(path, "utf8").catch(() => null)) === text) await unlink(path).catch(() => {});
    },
  };
}

/**
 * Atomic: written under a temporary name, then linked to its name, which fails when the name
 * exists.
 */
async function create(path: string, text: string): Promise<boolean> {
  const beside = `${path}.${randomUUID().slice(0, 8)}`;
  await writeFile(beside, text);
  try {
    await link(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(beside);
  }
}

/**
 * Removes the lock if it is still the one that was read. One process at a time looks and removes: another one
 * could have taken over in between, and its lock would be removed.
 */
async function removeLock(path: string, expected: string): Promise<boolean> {
  const turn = `${path}.takeover`;
  try {
    await writeFile(turn, "", { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const info = await stat(turn).catch(() => null);
    if (info && Date.now() - info.mtimeMs > 1000 * takeoverSeconds) await unlink(turn).catch(() => {});
    else await delay(10);
    return false;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => null)) !== expected) return false;
    await unlink(path);
    return true;
  } finally {
    await unlink(turn).catch(() => {});
  }
}

function parseOwner(text: string): Owner | null {
  try {
    const { pid, host, processStart = null } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === "number" && typeof host === "string" ? { pid, host, processStart } : null;
  } catch {
    return null;
  }
}

async function isAlive(owner: Owner | null, path: string): Promise<boolean> {
  if (!owner) return false;
  if (owner.host !== hostname()) {
    const info = await stat(path).catch(() => null);
    return info !== null && Date.now() - info.mtimeMs < deadAfterSeconds * 1000;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = await processStart(owner.pid);
  return started === null || owner.processStart === null || started === owner.processStart;
}

/** Boot and start time of a process on Linux (proc(5)); null elsewhere. */
async function processStart(pid: number): Promise<string | null> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const status = await readFile(`/proc/${pid}/stat`, "utf8");
    const [state, ...rest] = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (state === "Z") return "ended"; // killed, and its parent has not waited for it yet
    return `${boot.trim()} ${rest[18]}`;
  } catch {
    return null;
  }
}

function describe(owner: Owner | null): string {
  return owner ? `process ${owner.pid} on ${owner.host}` : "unreadable";
}

function locked(path: string, owner: Owner | null): RevqError {
  return new RevqError("run-locked", `Another run works in this folder: ${describe(owner)} holds ${path}.`, {
    fix: "Wait for it, or use another output folder.",
    setting: { path: "out" },
  });
}
