import { testQuantizer } from "@revq/testkit";
import { bsq, lfq } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(lfq, [{ latentShape }, { options: { tokens: 32, split: "spatial" }, latentShape }]);
testQuantizer(bsq, [{ latentShape }, { options: { codes: 4, split: "block" }, latentShape }]);
