import { testQuantizer } from "@revq/testkit";
import { vq } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(vq, [
  { options: { codes: 32 }, latentShape },
  { options: { tokens: 32, codes: 7 }, latentShape },
  { options: { tokens: 32, codes: 8, split: "eigenvalue" }, latentShape },
  { name: "more codes than tokens", options: { tokens: 1, codes: 16 }, latentShape, samples: 9 },
]);
