import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { openWeights } from "@revq/formats/node";
import { testBackbone } from "@revq/testkit";
import { tae } from "../src/index.js";

const folder = resolve(import.meta.dirname, "../../..", process.env["REVQ_SHARED"] ?? "../shared", "weights");
const skip = existsSync(folder) ? undefined : "needs ../shared/weights";
const weights = (): ReturnType<typeof openWeights> => openWeights(folder);

const engines = process.env["REVQ_TEST_FULL"] ? undefined : (["onnx", "wasm"] as const);

testBackbone(tae, [
  { options: { variant: "taesd" }, imageSize: 16, weights, skip, engines },
  { options: { variant: "taesana" }, imageSize: 32, weights, skip, engines },
]);
