import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { dcAe } from "@revq/backbone-dc-ae";
import { openWeights } from "@revq/formats/node";
import { testBackbone } from "@revq/testkit";

const fixtures = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures");
const skip = existsSync(fixtures) ? undefined : "needs ../shared/fixtures";
const weights = (model: string) => () => openWeights(join(fixtures, model));

testBackbone(dcAe, [
  { name: "interpolation, strided convolutions", imageSize: 16, weights: weights("dc-ae-tiny"), skip },
  { name: "pixel shuffles, batch norm", imageSize: 16, weights: weights("dc-ae-tiny-in"), skip },
]);
