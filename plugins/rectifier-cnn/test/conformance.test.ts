import { testRectifier } from "@revq/testkit";
import { cnn } from "../src/index.js";

const latentShape = { channels: 4, height: 3, width: 5 };
testRectifier(cnn, [
  { options: { channels: 8, layers: 1 }, latentShape },
  { options: { channels: 4, layers: 2, outputSkip: true }, latentShape },
]);
