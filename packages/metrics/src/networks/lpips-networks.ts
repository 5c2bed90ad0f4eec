/** The classifiers of LPIPS by name, without a tensor library: to check configurations. */
export const lpipsNetworks = ["squeeze", "alex", "vgg"] as const;
export type LpipsNetwork = (typeof lpipsNetworks)[number];

/** Side in pixels of the smallest image that each one takes, so that its last activation is not empty. */
export const lpipsMinSides: Readonly<Record<LpipsNetwork, number>> = { squeeze: 17, alex: 31, vgg: 16 };
