import type { Fields } from './checks.js';
import { f32, f64, number, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { asModelMessage, mainModel } from './model-name.js';
import type { PushOutcome } from './parameters.js';
import { outcomeOf } from './parameters.js';
import { refuseSpec, specHashOf } from './spec-hash.js';
import { sequenceOf, throughMarks, throughOf } from './progress-marks.js';

/**
 * The dense network: gradients in, parameters out, and its records in DENSE and DELTAS. Parameters say which part of the whole they
 * are, for networks that outgrow a message; there is one part today, and a reader refuses any other.
 */
export interface DensePush {
  readonly specHash: string;
  readonly batches: Float64Array;
  /** d(mean loss)/d(parameters); empty when the batches taught nothing and are only entered in the ledger. */
  readonly gradient: Float32Array;
  /** Version of the network that it was computed with; absent: nobody asks how old it is. */
  readonly basis?: number;
}

export interface DenseReply {
  readonly outcome: PushOutcome;
  readonly denseVersion: number;
  readonly parameters: Float32Array;
  /** Newest record of DENSE with a state. */
  readonly sequence: number;
}

const head = (model: string) => ({ v: protocolVersion, model });

/** The whole as one part. */
const wholePart = { part: 0, last: true, offset: 0 } as const;

export function densePullMessage(model = mainModel) {
  return head(model);
}

export function densePushMessage(push: DensePush, model = mainModel) {
  return { ...head(model), ...push };
}

/** @param ours the specification of who is asked; see `specHashOf`. */
export function parseDensePush(
  value: unknown,
  parameterCount: number,
  ours?: string,
  model = mainModel,
): DensePush {
  const what = 'dense push';
  const fields = asModelMessage(value, what, model);
  const specHash = specHashOf(fields, what, ours);
  const gradient = f32(fields, 'gradient', what);
  if (gradient.length > 0) f32(fields, 'gradient', what, parameterCount);
  const { basis } = fields;
  return {
    ...(basis === undefined ? {} : { basis: number(fields, 'basis', what) }),
    specHash,
    batches: f64(fields, 'batches', what),
    gradient,
  };
}

export function parseDensePull(value: unknown, model = mainModel): void {
  asModelMessage(value, 'dense pull', model);
}

export function denseReply(reply: DenseReply, model = mainModel) {
  return { ...head(model), ...reply, ...wholePart };
}

export function parseDenseReply(
  value: unknown,
  parameterCount: number,
  model = mainModel,
): DenseReply {
  const what = 'dense reply';
  const fields = asModelMessage(value, what, model);
  return {
    outcome: outcomeOf(fields, what),
    denseVersion: number(fields, 'denseVersion', what),
    parameters: wholeParameters(fields, what, parameterCount),
    sequence: sequenceOf(fields, what),
  };
}

export function denseDurableMessage(batches: Float64Array, model = mainModel) {
  return { ...head(model), batches };
}

export function parseDenseDurable(value: unknown, model = mainModel): Float64Array {
  return f64(asModelMessage(value, 'dense durable', model), 'batches', 'dense durable');
}

export interface DurableReply {
  /** False: some were lost with a shard, and must be computed again. */
  readonly durable: boolean;
  readonly sequence: number;
}

export function durableReply(reply: DurableReply, model = mainModel) {
  return { ...head(model), ...reply };
}

export function parseDurableReply(value: unknown, model = mainModel): DurableReply {
  const what = 'dense durable reply';
  const fields = asModelMessage(value, what, model);
  const { durable } = fields;
  if (typeof durable !== 'boolean') throw wrong(what, 'durable', 'true or false', durable);
  return { durable, sequence: sequenceOf(fields, what) };
}

export interface DenseVersion {
  readonly specHash: string;
  readonly denseVersion: number;
  /** The version was trained on rows that knew all batches up to here; serve it with nothing older. */
  readonly trainedThrough: number;
  readonly parameters: Float32Array;
  /** What its heads predict, in their order. */
  readonly outcomes: readonly string[];
}

export function denseVersionMessage(
  { trainedThrough, outcomes, ...version }: DenseVersion,
  model = mainModel,
) {
  return {
    ...head(model),
    ...version,
    ...wholePart,
    trainedThrough: throughMarks(trainedThrough),
    outcomes,
  };
}

/**
 * Networks of before, by the hash of their blueprint: how many numbers they have, and what those would be now. See
 * core/blueprint/earlier-models.ts.
 */
export type KnownNetworks = ReadonlyMap<
  string,
  {
    readonly parameterCount: number;
    readonly parameters: (values: Float32Array) => Float32Array;
    readonly optimizerState: (values: Float32Array) => Float32Array;
  }
>;

/** What a reader takes for its own: networks of its blueprint, and those of before as they would be now. */
export interface ReadNetwork {
  readonly hash: string;
  readonly parameterCount: number;
  readonly earlier?: KnownNetworks | undefined;
}

/** @throws StarlingError BAD_MESSAGE; SPEC_MISMATCH for a network that is not known. */
export function parseDenseVersion(
  value: unknown,
  reader: ReadNetwork,
  model = mainModel,
): DenseVersion {
  const what = 'dense version';
  const fields = asModelMessage(value, what, model);
  const earlier = earlierOf(fields, what, reader);
  const version = versionOf(fields, what, (earlier ?? reader).parameterCount);
  if (!earlier) return version;
  const parameters = earlier.parameters(version.parameters);
  return { ...version, specHash: reader.hash, parameters };
}

function earlierOf(fields: Fields, what: string, { hash, earlier }: ReadNetwork) {
  const theirs = text(fields, 'specHash', what);
  const found = theirs === hash ? undefined : earlier?.get(theirs);
  if (!found) refuseSpec(theirs, hash, what);
  return found;
}

function versionOf(fields: Fields, what: string, parameterCount: number): DenseVersion {
  return {
    specHash: text(fields, 'specHash', what),
    denseVersion: number(fields, 'denseVersion', what),
    trainedThrough: throughOf(fields, 'trainedThrough', what),
    parameters: wholeParameters(fields, what, parameterCount),
    outcomes: heads(fields, what),
  };
}

function heads(fields: Fields, what: string): readonly string[] {
  const outcomes = texts(fields, 'outcomes', what);
  if (outcomes.length === 0) throw wrong(what, 'outcomes', 'a head at least', outcomes);
  return outcomes;
}

export interface DenseState extends DenseVersion {
  readonly epoch: number;
  readonly optimizerState: Float32Array;
  readonly steps: number;
  readonly applied: Float64Array;
}

export function denseStateMessage(
  { epoch, optimizerState, steps, applied, ...version }: DenseState,
  model = mainModel,
) {
  return { ...denseVersionMessage(version, model), epoch, optimizerState, steps, applied };
}

/** @throws StarlingError BAD_MESSAGE; SPEC_MISMATCH for a network that is not known. */
export function parseDenseState(
  value: unknown,
  reader: ReadNetwork,
  model = mainModel,
): DenseState {
  const what = 'dense state';
  const fields = asModelMessage(value, what, model);
  const earlier = earlierOf(fields, what, reader);
  const state = stateOf(fields, what, (earlier ?? reader).parameterCount);
  if (!earlier) return state;
  return {
    ...state,
    specHash: reader.hash,
    parameters: earlier.parameters(state.parameters),
    optimizerState: earlier.optimizerState(state.optimizerState),
  };
}

/** Of another cluster, whose network is as large. @throws StarlingError BAD_MESSAGE */
export function parseForeignState(
  value: unknown,
  parameterCount: number,
  model = mainModel,
): DenseState {
  const what = 'dense state';
  return stateOf(asModelMessage(value, what, model), what, parameterCount);
}

function stateOf(fields: Fields, what: string, parameterCount: number): DenseState {
  return {
    ...versionOf(fields, what, parameterCount),
    epoch: number(fields, 'epoch', what),
    optimizerState: f32(fields, 'optimizerState', what, 2 * parameterCount),
    steps: number(fields, 'steps', what),
    applied: f64(fields, 'applied', what),
  };
}

function wholeParameters(fields: Fields, what: string, parameterCount: number): Float32Array {
  const { part, last, offset } = fields;
  if (part !== 0 || last !== true || offset !== 0)
    throw wrong(what, 'part', 'all parameters in one', part);
  return f32(fields, 'parameters', what, parameterCount);
}
