/** The result of checking one engine, and the messages of the process that checks it. Types only. */
import type { AdapterDescription, EngineId, SpeedMeasurement } from "@revq/engine";

export interface EngineSpeed {
  readonly matmul: SpeedMeasurement;
  readonly convolution: SpeedMeasurement;
  /** Search of nearest codes; pairs are queries x codes. */
  readonly nearest: { readonly what: string; readonly ms: number; readonly gpairs: number };
}

export interface EngineCheck {
  readonly id: EngineId;
  /** It came up and computed correctly. */
  readonly ok: boolean;
  /** It can train here. */
  readonly trains: boolean;
  /** Its description if it works; otherwise why it does not. */
  readonly reason: string;
  readonly fix: string | null;
  /** Null when it does not work, or is too slow to be timed. */
  readonly speed: EngineSpeed | null;
  readonly adapter: AdapterDescription | null;
}

/** From the checking process: `up`, then `speed`; or `refused` alone. */
export type CheckMessage =
  | {
      readonly kind: "up";
      readonly id: EngineId;
      readonly trains: boolean;
      readonly description: string;
      readonly adapter: AdapterDescription | null;
    }
  | { readonly kind: "speed"; readonly speed: EngineSpeed }
  | { readonly kind: "refused"; readonly reason: string; readonly fix: string | null };
