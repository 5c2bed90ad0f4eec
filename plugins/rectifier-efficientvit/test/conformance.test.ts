import { testRectifier } from "@revq/testkit";
import { efficientvit } from "../src/index.js";

const small = { channels: 16, layers: 1, headDim: 8, expandRatio: 2 };
testRectifier(efficientvit, [
  { name: "linear attention", options: small, latentShape: { channels: 4, height: 4, width: 4 } },
  { name: "quadratic attention, no square", options: small, latentShape: { channels: 4, height: 2, width: 3 } },
  {
    name: "with an output skip",
    options: { ...small, outputSkip: true },
    latentShape: { channels: 4, height: 4, width: 4 },
  },
]);
