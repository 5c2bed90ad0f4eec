/**
 * Weights behind a URL: one file, or a folder. The web has no directory listing, so `list` tries
 * the names that tokenizers and VAEs have. Other names can be opened too.
 */
import { RevqError, type WeightsSource } from "@revq/core";
import { fromUrl } from "./bytes/from-url.js";
import type { OpenWeightsOptions } from "./weights-options.js";

const fileExtensions = /\.(safetensors|sft|npy|pth|pt|ckpt|onnx|json|bin)$/i;

/** The files of a tokenizer. If both are there, no other names are tried. */
const tokenizerNames = ["config.json", "model.safetensors"] as const;

/** Names that diffusers, original VAEs, the tiny autoencoders and exports to ONNX use. */
const modelNames = [
  ...["", "vae/"].flatMap((folder) =>
    ["diffusion_pytorch_model", "diffusion_pytorch_model.fp16"].flatMap((stem) => [
      `${folder}${stem}.safetensors`,
      `${folder}${stem}.safetensors.index.json`,
    ]),
  ),
  "vae/config.json",
  "ae.safetensors",
  "vae.safetensors",
  "encoder.onnx",
  "decoder.onnx",
  "vae_encoder/model.onnx",
  "vae_decoder/model.onnx",
  ...["taesd", "taesdxl", "taesd3", "taef1", "taef2"].flatMap((name) => [
    `${name}_encoder.safetensors`,
    `${name}_decoder.safetensors`,
  ]),
];

export function isUrl(spec: string): boolean {
  return /^https?:\/\//i.test(spec);
}

/** Opens an `http(s)` URL. The first request is made by `list` or `open`. */
export async function openUrl(url: string, options: OpenWeightsOptions = {}): Promise<WeightsSource> {
  const address = new URL(url);
  const name = decodeURIComponent(address.pathname.split("/").at(-1) ?? "");
  const source = (target: URL): ReturnType<typeof fromUrl> =>
    fromUrl(target.href, {
      ...(options.fetch ? { fetch: options.fetch } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  if (fileExtensions.test(name)) {
    return {
      spec: url,
      list: async () => [name],
      open: async (wanted) => {
        if (wanted !== name) throw missing(url, wanted);
        return source(address);
      },
      async beside(wanted) {
        const target = new URL(wanted, address);
        const [found] = await present([wanted], () => target, options).catch(() => []);
        return found === undefined ? undefined : source(target);
      },
    };
  }
  if (!address.pathname.endsWith("/")) address.pathname += "/";
  const inside = (wanted: string): URL => {
    const target = new URL(address);
    target.pathname += wanted.split("/").map(encodeURIComponent).join("/");
    return target;
  };
  let names: Promise<readonly string[]> | undefined;
  return {
    spec: url,
    list: () =>
      (names ??= usualNames(inside, options).catch((error: unknown) => {
        names = undefined;
        throw error;
      })),
    open: (wanted) => source(inside(wanted)),
  };
}

async function usualNames(inside: (name: string) => URL, options: OpenWeightsOptions): Promise<string[]> {
  const first = await present(tokenizerNames, inside, options);
  if (first.length === tokenizerNames.length) return first;
  return [...first, ...(await present(modelNames, inside, options))];
}

/**
 * The names that a HEAD request finds. An HTML page, the fallback of single-page servers, does not
 * count.
 */
async function present(
  candidates: readonly string[],
  inside: (name: string) => URL,
  options: OpenWeightsOptions,
): Promise<string[]> {
  const request = options.fetch ?? globalThis.fetch;
  const found = await Promise.all(
    candidates.map(async (name) => {
      const target = inside(name).href;
      const response = await request(target, {
        method: "HEAD",
        ...(options.signal ? { signal: options.signal } : {}),
      }).catch((cause: unknown) => {
        throw new RevqError("url-connection", `${target}: the connection failed (${(cause as Error).message}).`, {
          fix: "Check the address and the network. Another site must allow access from this page (CORS).",
          cause,
        });
      });
      return response.ok && !response.headers.get("content-type")?.startsWith("text/html");
    }),
  );
  return candidates.filter((_, i) => found[i]);
}

function missing(url: string, wanted: string): RevqError {
  return new RevqError("weights-file-missing", `${url} is one file; it has no "${wanted}".`, {
    fix: "Give the URL of the folder.",
  });
}
