import { testQuantizer } from "@revq/testkit";
import { trellis } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(trellis, [{ latentShape }, { options: { tokens: 5, codes: 16, passes: 3 }, latentShape }]);
