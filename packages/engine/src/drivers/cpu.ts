/** tfjs `cpu`: plain JavaScript. Complete, always available, about a hundred times slower. */
import * as tf from "@tensorflow/tfjs-core";
import { importBackend } from "../backends.js";
import type { EngineDriver } from "../driver.js";

export const cpu: EngineDriver = {
  id: "cpu",
  trains: true,
  async start() {
    await importBackend("cpu", () => import("@tensorflow/tfjs-backend-cpu"));
    return {
      backendName: "cpu",
      prepare() {
        // Otherwise its first tensor prints an advertisement for tfjs-node.
        (tf.backend() as { firstUse?: boolean }).firstUse = false;
      },
      describe: () => "plain JavaScript (slow: for tests and tiny inputs)",
    };
  },
};
