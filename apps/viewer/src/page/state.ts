/** The state of the page as one value, and its store. For behaviour see `actions/`. */
import type {
  Codebook,
  EncodedTokens,
  EngineStatus,
  LoadProgress,
  MemoryStatus,
  Problem,
  ImageMetrics,
  Slot,
  Stage,
  TokenReport,
  TokenizerDescription,
  TokenizerSource,
} from "../protocol/messages.js";
import type { DecodedImage } from "@revq/tokenizer";
import type { Bundled } from "./bundled.js";
import type { FirstPaint } from "./first-paint.js";
import type { MetricsRecord } from "./metrics-file.js";
import type { RevealOrder } from "./reveal.js";
import type { Box } from "./token-boxes.js";

export const tabs = ["image", "tokens", "codebooks", "compare", "curves"] as const;
export type Tab = (typeof tabs)[number];

export type EngineState =
  | { readonly status: "checking" }
  | { readonly status: "ready"; readonly engine: EngineStatus }
  | { readonly status: "failed"; readonly problem: Problem };

export interface StageImage {
  readonly image: DecodedImage;
  readonly metrics: ImageMetrics | null;
}

/** The first `count` tokens of an order; the others are at their mean. */
export interface Revealed {
  readonly by: RevealOrder;
  /** `[T]` */
  readonly order: Int32Array;
  readonly count: number;
  readonly playing: boolean;
  /** The images of the last play. */
  readonly frames: readonly DecodedImage[];
  /** What was decoded last, with how many tokens; null before the first. */
  readonly shown: (StageImage & { readonly map: DecodedImage; readonly count: number }) | null;
}

/** An image in a tokenizer. The worker delivers field by field. */
export interface Encoded {
  /** `ImageEntry.id` of the image; null when it came from pasted ids alone. */
  readonly image: string | null;
  readonly stages: Partial<Record<Stage, StageImage>>;
  readonly tokens: EncodedTokens | null;
  /** Ids after edits; without edits equal to `tokens.ids`. */
  readonly current: Int32Array | null;
  /** Ids before each edit, the last one last: what Undo goes back to. */
  readonly history: readonly Int32Array[];
  /** What `current` says. */
  readonly report: TokenReport | null;
  /** Pictures of the groups, for `ids` only. */
  readonly groupMaps: { readonly ids: Int32Array; readonly images: ReadonlyMap<number, DecodedImage> } | null;
  /** `rectified` and `quantized` of `current`, when it differs. */
  readonly edited: Partial<Record<Stage, StageImage>> | null;
  /** What the first tokens say, while that is looked at. */
  readonly revealed: Revealed | null;
  /** The place that the last edit changed. */
  readonly changed: Box | null;
  readonly milliseconds: number | null;
}

export interface OpenedTokenizer {
  readonly status: "ready";
  readonly source: TokenizerSource;
  readonly description: TokenizerDescription;
  readonly encoded: Encoded | null;
  readonly busy: boolean;
  /** Decoding edited or pasted ids. */
  readonly decoding: boolean;
  readonly problem: Problem | null;
  readonly codebooks: ReadonlyMap<number, Codebook>;
  /**
   * Hits per code over the images of this session, groups one after the other. The array stays the
   * same and grows; `counted` is new after every change.
   */
  readonly counts: Int32Array;
  /** Ids of the images that were counted. */
  readonly counted: ReadonlySet<string>;
  /** Counting codes over all images. */
  readonly batch: Batch | null;
  /** Null: there are none; undefined: not asked for yet. */
  readonly metrics: readonly MetricsRecord[] | null | undefined;
}

export type SlotState =
  | { readonly status: "empty" }
  | {
      readonly status: "loading";
      readonly name: string;
      /** Of a stranger's tokenizer: where it comes from. */
      readonly host: string | null;
      readonly progress: LoadProgress | null;
    }
  | { readonly status: "failed"; readonly source: TokenizerSource; readonly problem: Problem }
  | OpenedTokenizer;

export interface ImageEntry {
  readonly id: string;
  readonly name: string;
  /** For the thumbnail, and to fetch it. */
  readonly url: string;
  /** An image of the user's own is at hand. */
  readonly blob: Blob | null;
  readonly origin: "sample" | "served" | "own";
  readonly credit: string | null;
  /** Shown at once; other samples are shown on request. */
  readonly featured: boolean;
}

/** What part of an image all panes show: `zoom` 1 fits; the centre is in [0, 1]. */
export interface Viewport {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export interface ViewState {
  readonly left: Stage;
  readonly right: Stage;
  /** Where the slider's handle stands, in [0, 1]. */
  readonly split: number;
  readonly viewport: Viewport;
  /** Show the difference from the original instead of the image. */
  readonly errors: boolean;
  readonly gain: number;
  /** The fold-out with all four stages is open. */
  readonly stages: boolean;
}

/** How tokens are shown: as a picture of all, a picture a group, or a cell a token in one of three colourings. */
export const gridColourings = ["picture", "groups", "error", "frequency", "code"] as const;
export type GridColouring = (typeof gridColourings)[number];

/** What the tools of the token page change. */
export const editScopes = ["token", "group", "all"] as const;
export type EditScope = (typeof editScopes)[number];

export interface Served {
  /** Served by `revq view`, whose policy lets the page fetch from there only. */
  readonly local: boolean;
  readonly tokenizers: readonly TokenizerSource[];
}

export interface Notice {
  readonly text: string;
  readonly kind: "info" | "error";
}

/** What a brush does with a token: those beside `zero` take a second photo's token at the same place. */
export const brushTools = ["copy", "swap", "blend", "zero"] as const;
export type BrushTool = (typeof brushTools)[number];

/** Painting with tokens: what the brush puts where it goes. */
export interface Brush {
  readonly tool: BrushTool;
  /** The second photo, and its ids once they are there. Swaps change them. */
  readonly source: string | null;
  readonly ids: Int32Array | null;
  /** The second photo from its tokens, once a swap has changed them. */
  readonly picture: DecodedImage | null;
  /** The second photo's ids before each swap, with the shown ids at that time: Undo takes both back. */
  readonly swaps: readonly { readonly shown: Int32Array; readonly ids: Int32Array }[];
  /** Tokens under the stroke that is being drawn. */
  readonly stroke: ReadonlySet<number>;
}

export interface Batch {
  readonly done: number;
  readonly total: number;
}

export interface ViewerState {
  readonly engine: EngineState;
  readonly tab: Tab;
  /** The tokenizer of the pages that show one. */
  readonly active: Slot;
  readonly served: Served;
  /** Tokenizers that come with the page. */
  readonly bundled: readonly Bundled[];
  readonly images: readonly ImageEntry[];
  readonly image: string | null;
  /** The strip shows every sample. */
  readonly allImages: boolean;
  /** Results of the first sample with the bundled tokenizer, from the build; null where something else is opened. */
  readonly paint: FirstPaint | null;
  readonly a: SlotState;
  readonly b: SlotState;
  readonly view: ViewState;
  readonly colouring: GridColouring;
  readonly scope: EditScope;
  /** The token that is looked at, and the one under the pointer. */
  readonly token: number | null;
  readonly hovered: number | null;
  /** Null while nothing is painted. */
  readonly brush: Brush | null;
  /** The group of the codebook page. */
  readonly group: number;
  readonly code: number | null;
  /** Metrics files that were dropped by themselves. */
  readonly curves: readonly { readonly name: string; readonly records: readonly MetricsRecord[] }[];
  /** Lines that go away by themselves, the oldest first. */
  readonly notices: readonly Notice[];
  /** What is wrong with the content of the open dialog. */
  readonly dialogProblem: Problem | null;
  /** What the worker holds, asked for when the engine's dialog opens. */
  readonly memory: MemoryStatus | null;
  readonly dialog: "open-a" | "open-b" | "ids" | "engine" | null;
  readonly dragging: boolean;
  readonly theme: "auto" | "light" | "dark";
}

export const homeViewport: Viewport = { zoom: 1, x: 0.5, y: 0.5 };

export const initialState: ViewerState = {
  engine: { status: "checking" },
  tab: "image",
  active: "a",
  served: { local: false, tokenizers: [] },
  bundled: [],
  images: [],
  image: null,
  allImages: false,
  paint: null,
  a: { status: "empty" },
  b: { status: "empty" },
  view: {
    left: "original",
    right: "rectified",
    split: 0.5,
    viewport: homeViewport,
    errors: false,
    gain: 4,
    stages: false,
  },
  colouring: "picture",
  scope: "token",
  token: null,
  hovered: null,
  brush: null,
  group: 0,
  code: null,
  curves: [],
  notices: [],
  dialogProblem: null,
  memory: null,
  dialog: null,
  dragging: false,
  theme: "auto",
};

export type Patch = Partial<ViewerState>;

/** Holds the state and tells listeners once a frame at most. */
export class Store {
  private current: ViewerState = initialState;
  private readonly listeners = new Set<(state: ViewerState) => void>();
  private scheduled = false;

  get state(): ViewerState {
    return this.current;
  }

  set(patch: Patch | ((state: ViewerState) => Patch)): void {
    this.current = { ...this.current, ...(typeof patch === "function" ? patch(this.current) : patch) };
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener(this.current);
    });
  }

  /** Changes an open tokenizer; does nothing when another is there by now. */
  setOpened(slot: Slot, change: (opened: OpenedTokenizer) => Partial<OpenedTokenizer>): void {
    const opened = this.current[slot];
    if (opened.status === "ready") this.set({ [slot]: { ...opened, ...change(opened) } });
  }

  setEncoded(slot: Slot, change: (encoded: Encoded) => Partial<Encoded>): void {
    this.setOpened(slot, ({ encoded }) => (encoded ? { encoded: { ...encoded, ...change(encoded) } } : {}));
  }

  subscribe(listener: (state: ViewerState) => void): void {
    this.listeners.add(listener);
  }
}

export function openedOf(state: ViewerState, slot: Slot): OpenedTokenizer | null {
  const opened = state[slot];
  return opened.status === "ready" ? opened : null;
}

/** An image without results, or ids without an image. */
export function nothingEncoded(image: string | null, current: Int32Array | null = null): Encoded {
  return {
    image,
    stages: {},
    tokens: null,
    current,
    history: [],
    report: null,
    groupMaps: null,
    edited: null,
    revealed: null,
    changed: null,
    milliseconds: null,
  };
}

/** The current image of a stage: the edited one if there is one. */
export function stageImage(encoded: Encoded | null, stage: Stage): StageImage | null {
  return encoded?.edited?.[stage] ?? encoded?.stages[stage] ?? null;
}
