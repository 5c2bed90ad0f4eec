/**
 * The server of `revq view`. It listens on loopback, answers reads only, and serves the page, `view.json` and the mounted
 * files. Every other request is refused.
 */
import { RevqError } from "@revq/core";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { findFile, type Mount } from "./allowed-files.js";
import { sendFile } from "./send-file.js";
import type { ServedImages } from "./served-images.js";

export interface ViewServerOptions {
  /** The built page: `index.html`, `assets/`, … */
  readonly site: string;
  /** The content of `view.json`. */
  readonly view: object;
  readonly mounts: readonly Mount[];
  /** Images that are not files of a mount. */
  readonly images?: ServedImages | null;
  /** Other hosts that the page may fetch from. */
  readonly origins: readonly string[];
  /** 0: any free port. */
  readonly port: number;
}

export interface ViewServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const host = "127.0.0.1";

/**
 * `wasm-unsafe-eval` allows compiling WebAssembly, not evaluating text. The page may fetch only from this server and from
 * the hosts that a tokenizer names for its weights.
 */
const contentSecurityPolicy = (scripts: string, origins: readonly string[]): string =>
  [
    "default-src 'none'",
    `script-src ${scripts} 'wasm-unsafe-eval'`,
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    ["connect-src 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

const headers: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Isolates the page from other sites; only an isolated page has WebAssembly threads.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** @throws RevqError `port-in-use`, `port-refused` */
export async function startViewServer(options: ViewServerOptions): Promise<ViewServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/`,
    port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ViewServerOptions): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const pathname = (request.url ?? "/").split(/[?#]/, 1)[0]!;
  // The policy of a script applies only if it runs as a worker. The threads of WebAssembly and of the code search are blobs.
  const scripts = pathname.endsWith(".js") ? "'self' blob:" : "'self'";
  response.setHeader("Content-Security-Policy", contentSecurityPolicy(scripts, options.origins));
  const port = request.socket.localPort!;
  if (!isOwnHost(request.headers.host, port)) return refuse(response, 403, "Unknown host.");
  const { origin } = request.headers;
  if (origin !== undefined && !isOwnOrigin(origin, port))
    return refuse(response, 403, "Other sites may not use this server.");
  // Other sites may link to the page, but not load parts of it.
  const site = request.headers["sec-fetch-site"];
  if ((site === "cross-site" || site === "same-site") && request.headers["sec-fetch-mode"] !== "navigate") {
    return refuse(response, 403, "Other sites may not use this server.");
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return refuse(response, 405, "This server only reads.");
  }
  if (pathname === "/view.json") {
    const body = JSON.stringify(options.view);
    response.setHeader("Content-Type", "application/json; charset=utf-8");
    response.setHeader("Cache-Control", "no-store");
    response.writeHead(200, { "Content-Length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  const image = await options.images?.read(pathname).catch(() => null);
  if (image) {
    response.setHeader("Content-Type", "image/png");
    response.setHeader("Cache-Control", "no-cache");
    response.writeHead(200, { "Content-Length": image.length });
    response.end(request.method === "HEAD" ? undefined : image);
    return;
  }
  if (pathname === "/" && hasTokenizers(options.view)) {
    const body = withoutFirstPaint(await readFile(join(options.site, "index.html"), "utf8"));
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader("Cache-Control", "no-cache");
    response.writeHead(200, { "Content-Length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  const page: Mount = { prefix: "/", folder: options.site };
  const found = await findFile([page, ...options.mounts], pathname === "/" ? "/index.html" : pathname);
  if (found.status !== 200) return refuse(response, found.status, found.status === 403 ? "Not served." : "Not found.");
  sendFile(request, response, found, { immutable: pathname.startsWith("/assets/") });
}

function hasTokenizers(view: object): boolean {
  return "tokenizers" in view && Array.isArray(view.tokenizers) && view.tokenizers.length > 0;
}

/** The document shows results of the bundled tokenizer at first; another tokenizer has others. */
export function withoutFirstPaint(page: string): string {
  return page.replace(/<!-- first paint[^]*?<!-- \/first paint -->/, '<p class="boot">Loading the viewer…</p>');
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

/** False for the name of another site that resolves to this machine (DNS rebinding). */
function isOwnHost(value: string | undefined, port: number): boolean {
  return value === `${host}:${port}` || value === `localhost:${port}`;
}

function isOwnOrigin(origin: string, port: number): boolean {
  return origin === `http://${host}:${port}` || origin === `http://localhost:${port}`;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === "EADDRINUSE";
      reject(
        new RevqError(
          taken ? "port-in-use" : "port-refused",
          taken ? `Port ${port} is in use.` : `The server cannot listen on port ${port} (${cause.code}).`,
          { fix: "Name another port with --port, or leave --port out to use any free port.", cause },
        ),
      );
    });
    server.listen(port, host, () => resolve());
  });
}
