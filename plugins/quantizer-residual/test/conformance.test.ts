import { testQuantizer } from "@revq/testkit";
import { residual } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(residual, [
  { options: { codes: 8, depth: 3 }, latentShape, idempotent: false, tolerance: 1e-6 },
  { options: { tokens: 16, codes: 5, depth: 2, beam: 1 }, latentShape, idempotent: false, tolerance: 1e-6 },
  { options: { codes: 5, split: "block" }, latentShape, idempotent: false, tolerance: 1e-6 },
]);
