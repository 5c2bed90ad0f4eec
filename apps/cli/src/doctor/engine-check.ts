/** What a check of one engine says, and the messages in which the checking process says it. Types only. */
import type { AdapterDescription, EngineId, SpeedMeasurement } from "@revq/engine";

export interface EngineSpeed {
  readonly matmul: SpeedMeasurement;
  readonly convolution: SpeedMeasurement;
  /** Search of nearest codes: pairs are queries x codes. */
  readonly nearest: { readonly what: string; readonly ms: number; readonly gpairs: number };
}

export interface EngineCheck {
  readonly id: EngineId;
  /** It came up and computed correctly. */
  readonly ok: boolean;
  /** It can train here. */
  readonly trains: boolean;
  /** What it is when it works, why it does not when it does not. */
  readonly reason: string;
  readonly fix: string | null;
  /** Null when it does not work, or was too slow to be measured in time. */
  readonly speed: EngineSpeed | null;
  readonly adapter: AdapterDescription | null;
}

/** From the checking process, in this order; `refused` stands alone. */
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
