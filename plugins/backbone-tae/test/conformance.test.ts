import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { testBackbone } from "@revq/testkit";
import { tae } from "@revq/backbone-tae";
import { openWeights } from "@revq/formats/node";

const folder = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "weights");
const skip = existsSync(folder) ? undefined : "needs ../shared/weights";
const weights = () => openWeights(folder);

/** The f8 networks take plain JavaScript minutes; the f32 encoder is run on it. */
const engines = process.env["REVQ_TEST_FULL"] ? undefined : (["webgpu", "node-gpu", "node", "onnx", "wasm"] as const);

testBackbone(tae, [
  { name: "defaults", imageSize: 16, weights, skip, engines },
  { options: { variant: "taef2" }, imageSize: 16, weights, skip, engines },
  { options: { variant: "taesd3" }, imageSize: 16, weights, skip, engines: ["onnx"] },
  { options: { variant: "taesana" }, imageSize: 64, weights, skip },
]);
