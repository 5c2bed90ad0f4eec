import { testRectifier } from "@revq/testkit";
import { mlp } from "../src/index.js";

const latentShape = { channels: 4, height: 3, width: 5 };
testRectifier(mlp, [
  { options: { channels: 8, layers: 1 }, latentShape },
  { options: { channels: 4, layers: 2, outputSkip: true }, latentShape },
]);
