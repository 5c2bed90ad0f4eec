/** The classifiers of LPIPS by name, without a tensor library: to check configurations. */
export const lpipsNetworks = ["squeeze", "alex", "vgg"] as const;
export type LpipsNetwork = (typeof lpipsNetworks)[number];
