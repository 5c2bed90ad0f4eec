/** The classifiers of LPIPS by name. A module of its own, so that a configuration can be checked without a tensor library. */
export const lpipsNetworks = ["squeeze", "alex", "vgg"] as const;
export type LpipsNetwork = (typeof lpipsNetworks)[number];
