import { StarlingError } from '../core/base/errors.js';
import { asMessage, f32, number, text } from './checks.js';
import { mainModel } from './model-name.js';
import type { DenseState } from './network-state.js';
import { denseStateMessage } from './network-state.js';

/**
 * A state of a large network as several messages: of each some parameters, with Adam's two values for each of them. What is joined again
 * is the one message that it would have been, so nobody else knows of parts.
 *
 *   part 0        offset 0        parameters [k]   m [k], v [k]
 *   part 1        offset k        parameters [k]   …
 *   the last one  offset (n−1)·k  the rest, and the batches that are in all of it
 */

/** Of a message beside its numbers: names of fields, and 16 bytes for each gap in the batches. Too low: a part does not fit. */
const headBytes = 64 * 1024;
/** Adam's two beside each parameter. */
const valueBytes = 3 * 4;
/** Too large: who encodes or sends one is busy with nothing else meanwhile. Too small: a message each. */
const partBytesMax = 4 * 2 ** 20;

/** Parameters of one part, where servers take messages of so many bytes. */
export function parametersPerPart(payloadBytesMax: number): number {
  return Math.max(
    1,
    Math.floor((Math.min(payloadBytesMax, partBytesMax) - headBytes) / valueBytes),
  );
}

/** One message, as `denseStateMessage` makes it, where there are no more than `parametersMax`. */
export function* denseStateParts(
  state: DenseState,
  parametersMax: number,
  model = mainModel,
): Generator<object> {
  const count = state.parameters.length;
  if (count <= parametersMax) {
    yield denseStateMessage(state, model);
    return;
  }
  for (let part = 0, offset = 0; offset < count; part++, offset += parametersMax) {
    const end = Math.min(count, offset + parametersMax);
    const last = end === count;
    const optimizerState = new Float32Array(2 * (end - offset));
    optimizerState.set(state.optimizerState.subarray(offset, end));
    optimizerState.set(state.optimizerState.subarray(count + offset, count + end), end - offset);
    const message = denseStateMessage(
      {
        ...state,
        parameters: state.parameters.subarray(offset, end),
        optimizerState,
        applied: last ? state.applied : new Float64Array(0),
      },
      model,
    );
    yield { ...message, part, last, offset };
  }
}

export interface NetworkPart {
  readonly part: number;
  readonly last: boolean;
  /** By part, where the log has those before the last one; none of a part that is not the last. */
  readonly sequences: readonly number[];
}

/** @throws StarlingError BAD_MESSAGE */
export function networkPartOf(value: unknown): NetworkPart {
  const what = 'dense state';
  // Of any: the subject that it was read from, or the bytes beside it, say of which.
  const fields = asMessage(value, what);
  const { parts } = fields;
  const isList = Object.prototype.toString.call(parts) === '[object Float64Array]';
  return {
    part: number(fields, 'part', what),
    last: fields['last'] === true,
    sequences: isList ? [...(parts as Float64Array)] : [],
  };
}

/**
 * @param values decoded, in the order of their parts; all there are.
 * @throws StarlingError BAD_MESSAGE where they are not the parts of one state, or not all of it.
 */
export function joinedState(values: readonly unknown[]): unknown {
  if (values.length === 1) return values[0];
  const what = 'dense state';
  const all = values.map((value) => asMessage(value, what));
  const last = all.at(-1);
  if (!last) throw incomplete('no part');
  const slices = all.map((fields, part) => {
    const isNext = number(fields, 'part', what) === part;
    const isSame = ['denseVersion', 'epoch'].every(
      (name) => number(fields, name, what) === number(last, name, what),
    );
    if (!isNext || !isSame || text(fields, 'specHash', what) !== text(last, 'specHash', what))
      throw incomplete(`part ${part} of another one`);
    if ((fields['last'] === true) !== (fields === last)) throw incomplete(`${all.length} parts`);
    const parameters = f32(fields, 'parameters', what);
    const optimizerState = f32(fields, 'optimizerState', what, 2 * parameters.length);
    return { offset: number(fields, 'offset', what), parameters, optimizerState };
  });
  const count = slices.reduce((sum, { parameters }) => sum + parameters.length, 0);
  const parameters = new Float32Array(count);
  const optimizerState = new Float32Array(2 * count);
  let end = 0;
  for (const slice of slices) {
    const { length } = slice.parameters;
    if (slice.offset !== end) throw incomplete(`parameters from ${slice.offset} behind ${end}`);
    parameters.set(slice.parameters, end);
    optimizerState.set(slice.optimizerState.subarray(0, length), end);
    optimizerState.set(slice.optimizerState.subarray(length), count + end);
    end += length;
  }
  return { ...last, parameters, optimizerState, part: 0, offset: 0 };
}

function incomplete(found: string): StarlingError {
  return new StarlingError('BAD_MESSAGE', `dense state: expected the parts of one, got ${found}.`);
}
