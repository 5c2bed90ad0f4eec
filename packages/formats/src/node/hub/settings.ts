/**
 * The environment variables that the tools of the Hugging Face hub share.
 * https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { RevqError } from "@revq/core";
import { defaultEndpoint } from "../../hub/repository.js";

export interface HubSettings {
  /** `HF_ENDPOINT`, without a slash at the end. */
  readonly endpoint: string;
  /** `HF_TOKEN`, or the token that `hf auth login` stored. */
  readonly token: string | undefined;
  /** `HF_HUB_OFFLINE` (or `TRANSFORMERS_OFFLINE`): no request is made. */
  readonly offline: boolean;
  /** The folder that holds `models--owner--name`. */
  readonly cache: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export async function hubSettings(environment: Environment = process.env): Promise<HubSettings> {
  const home = expand(
    environment["HF_HOME"] ?? join(environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "huggingface"),
  );
  const endpoint = (environment["HF_ENDPOINT"] || defaultEndpoint).replace(/\/+$/, "");
  if (!/^https?:\/\//.test(endpoint)) {
    throw new RevqError("hub-endpoint", `HF_ENDPOINT is "${endpoint}", which is not an http(s) address.`, {
      fix: "Unset it, or give the address of a mirror of the hub.",
    });
  }
  return {
    endpoint,
    token: await readToken(environment, home),
    offline: isTrue(environment["HF_HUB_OFFLINE"]) || isTrue(environment["TRANSFORMERS_OFFLINE"]),
    cache: expand(environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"] ?? join(home, "hub")),
  };
}

async function readToken(environment: Environment, home: string): Promise<string | undefined> {
  const given = environment["HF_TOKEN"] ?? environment["HUGGING_FACE_HUB_TOKEN"];
  const stored =
    given ?? (await readFile(expand(environment["HF_TOKEN_PATH"] ?? join(home, "token")), "utf8").catch(() => ""));
  return stored.trim() || undefined;
}

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");

const expand = (path: string): string => (/^~(?=[/\\]|$)/.test(path) ? join(homedir(), path.slice(1)) : path);
