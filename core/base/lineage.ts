/**
 * What a cluster has learned outlives the configuration that it was learned with. Records in logs, snapshots and stores name the hash of
 * what they were made with; the lineage says what those hashes stand for, and which of their features are still what they were.
 *
 * A feature that was dropped, or begins anew as something else, is born in the version that begins it: what older versions
 * have of it is passed over, also by who reads it after it came back under its name.
 */
export interface Lineage {
  /** Of the configuration that it belongs to, from 1. */
  readonly version: number;
  /** Versions in which names began anew; not there: they are as old as the cluster. */
  readonly born: {
    readonly features: Readonly<Record<string, number>>;
    /** Of the network, where it began anew as a whole. */
    readonly network?: number;
    /** Of all rows, where they began anew with another width. */
    readonly rows?: number;
  };
  /** Shapes of before that differ from each other, oldest first. */
  readonly earlier: readonly EarlierShape[];
}

/** Numbers of an example that are of one feature. */
export interface ColumnShape {
  readonly name: string;
  /** How many they are. */
  readonly width: number;
  /** `scaled`: the first by what is known of all, and a second says whether it is missing. Left out: the network sees them as they are. */
  readonly kind?: 'scaled' | 'vector';
}

/** Of what somebody did last, what a network looks at. */
export interface HistoryShape {
  readonly name: string;
  /** The slot whose rows its values have. */
  readonly of: string;
  readonly length: number;
  readonly with: readonly ('event' | 'secondsAgo')[];
}

/** A parameter of a network, and what its rows and columns are of (core/model/network.ts). */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly [number] | readonly [number, number];
  readonly rows?: readonly unknown[];
  readonly columns?: unknown;
}

/** What the records of an earlier version are made of. */
export interface EarlierShape {
  /** The first that had it. */
  readonly version: number;
  /** Hashes of its feature specification and of its blueprint. */
  readonly spec: string;
  readonly model: string;
  /** Names, in their order. */
  readonly slots: readonly string[];
  readonly columns: readonly ColumnShape[];
  /** Of the slots, those that are histories, and types of events in their order; left out: of a release whose networks did not look at them. */
  readonly histories?: readonly HistoryShape[];
  readonly events?: readonly string[];
  readonly outcomes: readonly string[];
  /** Of the outcomes, those that are values and no chances. */
  readonly values: readonly string[];
  readonly network: string;
  /** Parameters of a network of one's own, whose code of then is not kept; left out: it is one of Starling. */
  readonly parameters?: readonly ParameterShape[];
  readonly factorDim: number;
  readonly hidden: readonly number[];
  /** Whose slots and numbers are, of a network that tells sides apart. */
  readonly sides?: { readonly slots: readonly string[]; readonly columns: readonly string[] };
  readonly experts?: number;
  readonly layerNorm?: boolean;
}

/**
 * So many shapes of before can be read. What is older has left the logs, which are kept for days; only who changes features as often
 * within those days is refused the oldest of their records.
 */
export const earlierShapesMax = 64;

/** The version that began the feature of this name; 0: it is as old as the cluster. */
export function bornIn(lineage: Lineage | undefined, name: string): number {
  const features = lineage?.born.features ?? {};
  return Object.hasOwn(features, name) ? features[name]! : 0;
}

/** It comes from a process of the same release, or from its own store. */
export function isLineage(value: unknown): value is Lineage {
  if (typeof value !== 'object' || value === null) return false;
  const { version, born, earlier } = value as Partial<Lineage>;
  return Number.isSafeInteger(version) && typeof born === 'object' && Array.isArray(earlier);
}
