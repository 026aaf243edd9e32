import type { Blocks, ParameterValue, Value } from './blocks.js';
import type { HistoryInput } from './history-marks.js';
import type { ScaledColumn } from './number-scales.js';

/**
 * What a network is: the dense parameters it declares, and a forward pass from pooled rows to the logits of each example.
 * Rows come in as inputs, already pulled and pooled, so no network knows of tables, shards or messages, and the
 * gradient that goes back to the shards is simply d(loss)/d(input).
 *
 * A row is [w, v₁ … v_k]: a first-order weight and a vector. Every slot has the same k (`factorDim`), as second-order
 * interactions need, and as it keeps a pulled batch one flat array.
 */
export interface ModelSpec {
  readonly network: NetworkName | NetworkFile;
  /** Of a network of one's own: its file with all that it imports, as one text (own-network.ts). */
  readonly networkCode?: string;
  readonly slotCount: number;
  /** k: length of a row's vector; a row has 1 + k values. */
  readonly factorDim: number;
  readonly denseCount: number;
  /** Of the dense features, those that are scaled by what is known of all (number-scales.ts). */
  readonly scaled?: readonly ScaledColumn[];
  /** Of the dense features, those that are vectors; without overlap, ascending. */
  readonly vectors?: readonly VectorInput[];
  /** Of the slots, those that are what somebody did last. */
  readonly histories?: readonly HistoryInput[];
  /** Whose slots and dense features are, for networks that tell sides apart; left out: nobody says. */
  readonly sides?: InputSides;
  /** Widths of the hidden layers; without effect on `fm`. */
  readonly hidden: readonly number[];
  /** Whether each hidden layer is normalised (`layerNorm` of blocks.ts). */
  readonly layerNorm?: boolean;
  /** Hidden layers are there so many times, and each head mixes them by gates of its own (networks/experts.ts); left out: heads share one. */
  readonly experts?: number;
  /** Share of hidden units that are left out in a step, [0, 1); dropout.ts. */
  readonly dropout?: number;
  /** A label is so much of a half, and the rest what it is; [0, 1). Not of heads of squared loss. */
  readonly labelSmoothing?: number;
  /** Logits per example: what is predicted, each by a head of its own over shared rows and hidden layers. */
  readonly heads: number;
  /** By head, what it is trained by; cross entropy if left out. */
  readonly losses?: readonly HeadLoss[];
}

/** Numbers that belong together: `width` of them, from column `at` of the dense features on. */
export interface VectorInput {
  readonly at: number;
  readonly width: number;
}

/** `pair`: of a user and an item at once. */
export type SideName = 'user' | 'item' | 'context' | 'pair';

export interface InputSides {
  /** By slot. */
  readonly slots: readonly SideName[];
  /** By dense feature. */
  readonly columns: readonly SideName[];
}

/** Of a chance, and of a value. */
export type HeadLoss = 'cross-entropy' | 'squared';

/** `mlp` is the name that `wide-and-deep` had first. */
export const networkNames = [
  ...(['dcn-v2', 'deepfm', 'din', 'dlrm', 'fm', 'mlp', 'transformer', 'two-tower'] as const),
  'wide-and-deep',
] as const;
export type NetworkName = (typeof networkNames)[number];

/** A network of one's own, by the path of its file. */
export type NetworkFile = `./${string}` | `../${string}` | `/${string}`;

/** Values of one row: its weight and its vector. */
export function rowWidth(spec: ModelSpec): number {
  return 1 + spec.factorDim;
}

export interface ParameterDeclaration {
  readonly name: string;
  /** [rows, columns] of a matrix, [columns] of a bias. */
  readonly shape: readonly [number] | readonly [number, number];
  /**
   * `glorot`: uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio, 2010). `identity`: the last columns
   * are the last rows, so of [1 + k, k] each row is its vector.
   */
  readonly initial: 'zeros' | 'ones' | 'glorot' | 'identity';
  /** What the rows of a matrix are of, where that comes and goes with features; each part behind the one before. */
  readonly rows?: readonly InputPart[];
  /** What its columns are of, or the numbers of a bias: one for each head, or as rows are. */
  readonly columns?: 'heads' | readonly InputPart[];
}

/**
 * Numbers of a row that belong together. vectors: of the slots, `factorDim` each, then of the projections. numbers: dense features that
 * are no vectors. pairs: products of two vectors, (0, 1), (0, 2), …, of the slots, the projections and, where there are numbers,
 * the one made of them, which is last. interests, matches: of each history a vector, and a number. `units` of a layer come and go with
 * nothing; `names` are what they are called; those of a `side` are of its slots, or numbers, alone (networks/input-sides.ts).
 */
export type InputPart =
  | 'vectors'
  | 'numbers'
  | 'pairs'
  | 'interests'
  | 'matches'
  | { readonly side: 'user' | 'item' | 'pair'; readonly of: 'vectors' | 'numbers' }
  | { readonly units: number }
  | { readonly names: readonly string[] };

export interface NetworkInputs {
  /** First-order weights of pooled rows, [n, slotCount]. */
  readonly weights: Value;
  /** Vectors of pooled rows, one slot after another, [n, slotCount · factorDim]. */
  readonly vectors: Value;
  /** Dense features that are no vectors, [n, …]; null when the model has none. */
  readonly dense: Value | null;
  /** One [n, width] for each of the vectors among them. */
  readonly projected: readonly Value[];
  /** Rows of a slot one by one, [occurrences, 1 + factorDim], in the order in which examples have them; `pool` makes one of several. */
  readonly occurrences: (slot: number) => Value;
  /** What is known of the events of a history, [occurrences, …] (history-marks.ts); null where nothing is. */
  readonly marks: (history: HistoryInput) => Value | null;
}

/** The declared parameters, by name. */
export interface Parameters {
  matrix(name: string): ParameterValue;
  vector(name: string): ParameterValue;
}

export interface Network {
  /** In the order in which they lie in the flat array. A function of the spec alone. */
  parameters(spec: ModelSpec): readonly ParameterDeclaration[];
  /** Logits [n, heads]. It is asked once; what it needs beyond `blocks` becomes a block. */
  forward(blocks: Blocks, inputs: NetworkInputs, parameters: Parameters, spec: ModelSpec): Value;
}
