import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { sdVae } from "@revq/backbone-sd-vae";
import { openWeights } from "@revq/formats/node";
import { testBackbone } from "@revq/testkit";

const folder = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures/sd-vae-tiny");
const skip = existsSync(folder) ? undefined : "needs ../shared/fixtures";
const weights = () => openWeights(folder);

testBackbone(sdVae, [
  { name: "defaults", imageSize: 16, weights, skip },
  { name: "tiles", options: { tile: 8 }, imageSize: 16, weights, skip },
]);
