/** Parses the name of a repository of the Hugging Face hub: `hf:owner/name[@revision][/path]`. */
import { RevqError } from "@revq/core";

export interface HubSpec {
  /** As the user wrote it. */
  readonly spec: string;
  /** `owner/name` */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** A file or folder in the repository; "" for all of it. */
  readonly path: string;
  /** Default: a model. */
  readonly kind?: "dataset";
}

const part = /^(?!.*(?:--|\.\.))[\w](?:[\w.-]*[\w])?$/;

export function isHubSpec(spec: string): boolean {
  return spec.startsWith("hf:") || pageOf(spec) !== undefined;
}

/** Also parses the address of a repository's page or file on huggingface.co. Throws `hub-spec`. */
export function parseHubSpec(spec: string): HubSpec {
  const page = pageOf(spec);
  if (page) return page;
  const [owner = "", rest = "", ...below] = spec.replace(/^hf:(\/\/)?/, "").split("/");
  const [name = "", ...revisionStart] = rest.split("@");
  let revision = revisionStart.join("@");
  let path = below;
  // "refs/pr/7" is the only kind of revision on the hub that has slashes.
  if (revision === "refs" && below.length >= 2) {
    revision = ["refs", ...below.slice(0, 2)].join("/");
    path = below.slice(2);
  }
  revision = decoded(revision);
  const wrongPath = path.some((piece) => piece === "" || piece === "." || piece === ".." || piece.includes("\\"));
  if (!part.test(owner) || !part.test(name) || (rest.includes("@") && !/^[\w./-]+$/.test(revision)) || wrongPath) {
    throw new RevqError("hub-spec", `"${spec}" does not name a repository of the hub.`, {
      fix: "Write hf:owner/name, hf:owner/name@revision or hf:owner/name/file.safetensors.",
    });
  }
  return { spec, repository: `${owner}/${name}`, revision: revision || "main", path: path.join("/") };
}

/**
 * `hf:datasets/owner/name[/path][@revision]`; the revision may stand behind the name, too.
 * @throws RevqError `hub-spec`
 */
export function parseDatasetSpec(spec: string): HubSpec {
  const name = spec.replace(/^hf:(\/\/)?datasets\//, "").replace(/\/+$/, "");
  const withRevision = name.replace(/^([^/@]+\/[^/@]+)(\/[^@]*)@([\w./-]+)$/, "$1@$3$2");
  try {
    return { ...parseHubSpec(`hf:${withRevision}`), spec, kind: "dataset" };
  } catch (cause) {
    throw new RevqError("hub-spec", `"${spec}" does not name a data set of the hub.`, {
      fix: "Write hf:datasets/owner/name, hf:datasets/owner/name/folder or hf:datasets/owner/name@revision.",
      cause,
    });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `https://huggingface.co/owner/name[/tree|blob|resolve/revision[/path]]` */
function pageOf(spec: string): HubSpec | undefined {
  const match =
    /^https?:\/\/(?:huggingface\.co|hf\.co)\/([\w.-]+\/[\w.-]+?)(?:\/(?:tree|blob|resolve)\/([^/?#]+)(?:\/([^?#]+))?)?\/?(?:[?#].*)?$/.exec(
      spec,
    );
  if (!match || /^(api|datasets|spaces|docs|models)\//.test(match[1]!)) return undefined;
  return {
    spec,
    repository: match[1]!,
    revision: decodeURIComponent(match[2] ?? "main"),
    path: decodeURIComponent(match[3] ?? ""),
  };
}
