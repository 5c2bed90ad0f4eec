/** Every kernel of the backend. */
import { binaryKernels } from "./binary.js";
import { convolutionKernels } from "./convolution.js";
import { creationKernels } from "./creation.js";
import type { OnnxKernel } from "./define.js";
import { depthwiseKernels } from "./depthwise.js";
import { indexingKernels } from "./indexing.js";
import { matrixKernels } from "./matrix.js";
import { optimizerKernels } from "./optimizer.js";
import { poolingKernels } from "./pooling.js";
import { reductionKernels } from "./reduction.js";
import { resizeKernels } from "./resize.js";
import { shapeKernels } from "./shape.js";
import { unaryKernels } from "./unary.js";

export const kernels: readonly OnnxKernel[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...matrixKernels,
  ...convolutionKernels,
  ...depthwiseKernels,
  ...poolingKernels,
  ...shapeKernels,
  ...indexingKernels,
  ...resizeKernels,
  ...creationKernels,
  ...optimizerKernels,
];
