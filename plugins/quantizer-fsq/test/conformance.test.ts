import { testQuantizer } from "@revq/testkit";
import { fsq } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(fsq, [
  { latentShape },
  { options: { tokens: 32, codes: 20, split: "spatial" }, latentShape },
  { options: { levels: [8, 5, 5, 5], split: "block" }, latentShape },
  { name: "more elements than bits", options: { tokens: 4, codes: 32 }, latentShape },
]);
