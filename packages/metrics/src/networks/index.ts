/**
 * @revq/metrics/networks: metrics that need a trained network, on tensors of the current tfjs
 * backend. Callers load the weights, as tensors by name.
 */
export {
  alexnet,
  featureTensors,
  squeezenet,
  tapChannels,
  vgg16,
  type FeatureLayer,
  type FeatureNetwork,
} from "./feature-networks.js";
export { createFeatureRunner, type FeatureRunner } from "./run-features.js";
export { createLpips, lpipsTensors, type Lpips, type LpipsWeights } from "./lpips.js";
export { lpipsNetworks, type LpipsNetwork } from "./lpips-networks.js";
export { inceptionClasses, inceptionFeatures, inceptionTensors } from "./inception-layers.js";
export { createInception, type Inception } from "./inception.js";
