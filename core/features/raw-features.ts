/** Features by source name, as told; the transform encodes them where they are used. */
export type RawFeatures = Readonly<Record<string, unknown>>;
