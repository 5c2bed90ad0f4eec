/** A source of images that a spec names: a folder, a file or a URL. */
import type { RevqError } from "@revq/core";
import type { Labelled } from "./labels.js";
import type { LocalPath } from "./local-path.js";

export interface LocalPlace extends Labelled {
  readonly type: "folder" | "file";
  readonly path: LocalPath;
  /** The user named it, not a pattern. It must hold images then. */
  readonly named: boolean;
}

export interface UrlPlace extends Labelled {
  readonly type: "url";
  readonly url: string;
  /** The user named it, not a folder that it is in. */
  readonly named: boolean;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Something that cannot be opened; where broken sources are skipped. */
export interface MissingPlace extends Labelled {
  readonly type: "missing";
  readonly error: RevqError;
}

/** A hidden file below what was named. It is passed over. */
export interface HiddenPlace extends Labelled {
  readonly type: "hidden";
}

export type Place = LocalPlace | UrlPlace | MissingPlace | HiddenPlace;
