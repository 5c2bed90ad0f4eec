/** `revq view` as a user starts it, and a plain static host, which knows nothing of revq. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));
export const site = fileURLToPath(new URL("../../apps/viewer/site", import.meta.url));

export interface RunningHost {
  readonly url: string;
  close(): Promise<void>;
}

/** Waits for the address that `--json` prints. Closing is Ctrl-C; it must end well. */
export async function startView(args: readonly string[], cwd: string): Promise<RunningHost> {
  const child = spawn(process.execPath, [binary, "view", ...args, "--no-open", "--json"], { cwd });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      try {
        resolve((JSON.parse(stdout) as { url: string }).url);
      } catch {
        // not all of it yet
      }
    });
    void ended.then((code) => reject(new Error(`revq view ended with ${code}:\n${stderr}\n${stdout}`)));
  });
  return {
    url,
    async close() {
      child.kill("SIGINT");
      const code = await ended;
      if (code !== 0) throw new Error(`revq view ended with ${code}:\n${stderr}`);
    },
  };
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** No ranges, no special headers; the page below `/page/`, a folder below `/files/`. */
export async function startStaticHost(files: string): Promise<RunningHost> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const path = pathname.startsWith("/page/")
      ? join(site, pathname.slice(6) || "index.html")
      : join(files, pathname.replace(/^\/files\//, ""));
    readFile(path).then(
      (bytes) => response.writeHead(200, { "content-type": types[extname(path)] ?? "text/plain" }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
