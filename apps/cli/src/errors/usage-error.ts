/** A wrong call that this command line notices itself: flags that contradict each other, a missing argument. */
import { RevqError } from "@revq/core";

export class UsageError extends RevqError {}
