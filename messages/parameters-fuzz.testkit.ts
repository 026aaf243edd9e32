import { codeOf } from '../core/base/errors.js';
import type { Mutator } from '../core/base/mutate.testkit.js';
import { decode, encode, encodeAs } from './codec.js';
import { parseRows, parseWeights, rowsMessage, weightsMessage } from './deltas.js';
import type { RowsDelta, WeightsDelta } from './deltas.js';
import { nestingMax } from './structure.js';
import { TrailWriter } from './trail.js';

/**
 * Damaged messages into `decode`, `parseWeights` and `parseRows`, with hostile parts put in. Every input must end as a
 * delta whose parts fit each other, or as one of four codes; whatever else is thrown is a finding.
 */
const slots = [11, 12, 13].map((slot) => ({ slot, dim: 2, stateWidth: 2 }));
const slotCount = slots.length;
const dim = 2;

function trailOfTwo() {
  const writer = new TrailWriter();
  for (const batch of [100, 105])
    writer.add(batch, {
      resolved: 3,
      acceptedAtMs: new Float64Array(5).fill(1.7e12),
      progress: {},
    });
  return writer.take();
}

const delta: RowsDelta = {
  specHash: '0123456789abcdef',
  partition: 3,
  epoch: 2,
  deltaNumber: 12_345,
  part: 0,
  last: true,
  evictedCounts: Uint32Array.of(0, 1, 0),
  evicted: Uint32Array.of(9, 9),
  counts: Uint32Array.of(2, 0, 1),
  fids: Uint32Array.of(1, 0, 2, 0, 0xffffffff, 0x80000000),
  weights: Float32Array.of(0.5, -1, 1e-8, 2, 3, 4),
  applied: Float64Array.of(1, 100, 105, 106),
  resolved: 7,
  trail: trailOfTwo(),
  appliedAtMs: 1.7e12,
  state: Float32Array.of(1, 2, 3, 4, 5, 6),
  updatedAt: Uint32Array.of(1_700_000_000, 1_700_000_001, 1_700_000_002),
  updateCounts: Uint32Array.of(1, 2, 3),
  atSeconds: 1_700_000_000,
};

/** A value inside tags and lists that decoders obey: big integer, shared, packed, record, date, regular expression. */
const hostile = [
  'c2 58 20 ' + 'ff'.repeat(32),
  'd81c 82 d81d 00 80',
  'd833 84 81 00 82 00 80 80 d8e1 80',
  'd9dfff 83 19e000 81 61 61 00',
  'd9dff9 82 24 00',
  'd81b 82 66 526567457870 61 28',
  'c1 fb 7ff8000000000000',
  '9b 0000000010000000 00',
  '81'.repeat(nestingMax) + '00',
];

const samples: readonly Uint8Array[] = [
  encode(weightsMessage(delta, slots)),
  encode(rowsMessage(delta, slots)),
  encodeAs('json', weightsMessage(delta, slots)),
  encode(
    weightsMessage(
      { ...delta, fids: new Uint32Array(512), counts: Uint32Array.of(256, 0, 0) },
      slots,
    ),
  ),
];
const foreign: readonly Uint8Array[] = [
  ...samples,
  ...hostile.map((text) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))),
];

const refusals: readonly string[] = [
  'BAD_MESSAGE',
  'UNSUPPORTED_VERSION',
  'PAYLOAD_TOO_LARGE',
  'SPEC_MISMATCH',
];

/** One damaged message. Returns what became of it; throws on a finding. */
export function fuzzParameters(mutator: Mutator): string {
  const bytes = mutator.mutate(samples, foreign);
  // Frames of NATS begin anywhere in a buffer: typed arrays are then copied, or views where they happen to be aligned.
  const shift = mutator.below(8);
  const shifted = new Uint8Array(shift + bytes.length).subarray(shift);
  shifted.set(bytes);
  try {
    const value = decode(shifted);
    if (mutator.below(2) === 0) {
      checkDelta(parseWeights(value, slots));
      return 'weights';
    }
    const rows = parseRows(value, slots);
    checkDelta(rows);
    checkFacts(rows);
    return 'rows';
  } catch (error) {
    const code = codeOf(error);
    if (refusals.includes(code)) return code;
    throw error;
  }
}

/** What a follower relies on when it walks the arrays. */
function checkDelta({ counts, fids, weights }: WeightsDelta): void {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (counts.length !== slotCount || fids.length !== 2 * rows || weights.length !== rows * dim) {
    throw new Error(
      `a delta of ${rows} rows with ${fids.length} words and ${weights.length} floats`,
    );
  }
}

function checkFacts({ fids, updatedAt, updateCounts }: RowsDelta): void {
  if (2 * updatedAt.length !== fids.length || 2 * updateCounts.length !== fids.length)
    throw new Error(`${updatedAt.length} times for ${fids.length} words of keys`);
}
