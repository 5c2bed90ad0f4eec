import { testQuantizer } from "@revq/testkit";
import { tokenbridge } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(tokenbridge, [{ latentShape }, { options: { codes: 5 }, latentShape }]);
