/** Opening and closing tokenizers, and the metrics beside them. */
import { RevqError } from "@revq/core";
import type { DroppedFile, Problem, Slot, TokenizerSource } from "../../protocol/messages.js";
import { isAbort, toProblem, type App } from "../app.js";
import { parseMetrics, type MetricsRecord } from "../metrics-file.js";
import { openedOf } from "../state.js";
import { runImage } from "./images.js";

/** @returns whether it is open */
export async function openTokenizer(app: App, slot: Slot, source: TokenizerSource): Promise<boolean> {
  const { store } = app;
  app.stopAll(slot);
  const signal = app.restart("load", slot);
  const host = hostOf(source, location.href);
  store.set(({ bundled: [first], paint }) => ({
    [slot]: { status: "loading", name: source.name, host, progress: null },
    dialog: null,
    dialogProblem: null,
    // The results that were built in are those of the first bundled tokenizer.
    paint: slot === "a" && first && source.name !== first.source.name ? null : paint,
  }));
  try {
    const description = await app.call(
      "load",
      { slot, source },
      {
        signal,
        onEvent: (progress) => store.set({ [slot]: { status: "loading", name: source.name, host, progress } }),
      },
    );
    store.set({
      [slot]: {
        status: "ready",
        source,
        description,
        encoded: null,
        busy: false,
        decoding: false,
        problem: null,
        codebooks: new Map(),
        counts: new Int32Array(description.layout.codebookSizes.reduce((sum, size) => sum + size, 0)),
        counted: new Set(),
        batch: null,
        metrics: undefined,
      },
      ...(slot === "a" ? { active: "a", token: null, group: 0, code: null } : {}),
    });
  } catch (error) {
    if (!isAbort(error)) store.set({ [slot]: { status: "failed", source, problem: asOfPage(toProblem(error)) } });
    return false;
  }
  await runImage(app, slot);
  return true;
}

/** Remedies of the command line are no use on a page. */
function asOfPage(problem: Problem): Problem {
  return problem.code === "hub-connection"
    ? { ...problem, fix: "Check the network, and the name after hf:." }
    : problem;
}

/** The host that a tokenizer is fetched from; null for this page's own and for files of this computer. */
export function hostOf(source: TokenizerSource, page: string): string | null {
  if (source.kind === "files") return null;
  if (source.url.startsWith("hf:")) return "huggingface.co";
  const { host } = new URL(source.url, page);
  return host === new URL(page).host ? null : host;
}

export async function closeTokenizer(app: App, slot: Slot): Promise<void> {
  app.stopAll(slot);
  app.store.set(({ active }) => ({ [slot]: { status: "empty" }, active: active === slot ? "a" : active }));
  await app.call("unload", { slot });
}

/**
 * A folder on a server: an address with its scheme, a path that starts with `/` or `.`, or
 * `hf:owner/name`. @throws RevqError `address` for anything else */
export function sourceOfUrl(text: string, base: string = location.href): TokenizerSource {
  if (/^hf:[\w.-]+\/[\w.-]+/.test(text)) return { kind: "url", name: text.slice(3), url: text, weights: null };
  let url: URL;
  try {
    const address = text.trim();
    if (!/^([a-z][a-z\d+.-]*:|\/|\.\.?\/)/i.test(address)) throw new TypeError("It has no scheme.");
    url = new URL(address, base);
    url.pathname = url.pathname.replace(/\/?(config\.json)?$/, "/");
  } catch (cause) {
    throw new RevqError("address", `"${text}" is no address of a folder.`, {
      fix: "For example https://example.org/my-tokenizer/.",
      cause,
    });
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw new RevqError("address", `"${text}" is not an http(s) address.`, {
      fix: "A folder of this computer can be dropped on the page, or opened with `revq view`.",
    });
  }
  const parts = url.pathname.split("/").filter(Boolean);
  return { kind: "url", name: decodeURIComponent(parts.at(-1) ?? url.host), url: url.href, weights: null };
}

/**
 * The tokenizer among dropped files: the shallowest folder with a `config.json` and a
 * `model.safetensors`. Undefined without one.
 */
export function sourceOfFiles(files: readonly DroppedFile[]): TokenizerSource | undefined {
  const paths = new Set(files.map(({ path }) => path));
  const folders = [...paths]
    .filter((path) => path === "config.json" || path.endsWith("/config.json"))
    .map((path) => path.slice(0, -"config.json".length))
    .filter((folder) => paths.has(`${folder}model.safetensors`))
    .sort((a, b) => a.split("/").length - b.split("/").length);
  const folder = folders[0];
  if (folder === undefined) return undefined;
  const inside = files
    .filter(({ path }) => path.startsWith(folder))
    .map(({ path, file }) => ({ path: path.slice(folder.length), file }));
  const weights = files.filter(({ path }) => !path.startsWith(folder) && /\.(safetensors|pth|pt)$/.test(path));
  return { kind: "files", name: folder.split("/").filter(Boolean).at(-1) ?? "tokenizer", files: inside, weights };
}

/** Opens a dropped tokenizer again with the backbone's files beside it. */
export function withWeights(source: TokenizerSource, weights: readonly DroppedFile[]): TokenizerSource {
  if (source.kind === "files") return { ...source, weights };
  throw new RevqError("weights-elsewhere", "Weights can be added to a tokenizer that was opened from this computer.", {
    fix: "Open the tokenizer's folder from this computer too.",
  });
}

const metricsPath = "run/metrics.jsonl";

/** Reads the curves beside a tokenizer once they are looked at: most visits look at none. */
export async function loadMetrics(app: App, slot: Slot): Promise<void> {
  const opened = openedOf(app.store.state, slot);
  if (!opened || opened.metrics !== undefined) return;
  const { source } = opened;
  app.store.setOpened(slot, () => ({ metrics: null }));
  const metrics = await readMetrics(source);
  app.store.setOpened(slot, (now) => (now.source === source ? { metrics } : {}));
}

/** Null when there are none, or none that can be read: curves are an extra. */
async function readMetrics(source: TokenizerSource): Promise<MetricsRecord[] | null> {
  try {
    if (source.kind === "files") {
      const file = source.files.find(({ path }) => path === metricsPath);
      return file ? parseMetrics(await file.file.text(), metricsPath) : null;
    }
    if (source.url.startsWith("hf:")) return null;
    const response = await fetch(new URL(metricsPath, source.url));
    return response.ok ? parseMetrics(await response.text(), metricsPath) : null;
  } catch {
    return null;
  }
}
