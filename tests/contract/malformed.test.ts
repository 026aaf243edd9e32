import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../../core/base/errors.js';
import { decode, encode } from '../../messages/codec.js';
import { storedBytes } from './golden/golden-files.js';
import { goldenMessages } from './golden/golden-messages.js';

/**
 * Whoever reads a message trusts nothing in it: with any field left out or of another type it is read to something, or refused
 * by a code. A TypeError, an endless loop or INTERNAL is a finding.
 */
const intruders: readonly unknown[] = [
  undefined,
  null,
  -1,
  1.5,
  NaN,
  'text',
  true,
  [],
  [null],
  {},
  { a: null },
  new Float32Array(3),
  new Float64Array([NaN]),
  new Uint32Array(5).fill(0xffffffff),
  Uint8Array.of(255, 255, 255),
];

const refusals: ReadonlySet<string | undefined> = new Set([
  'BAD_MESSAGE',
  'BAD_REQUEST',
  'BAD_EVENT',
  'UNSUPPORTED_VERSION',
  'SPEC_MISMATCH',
  'CORRUPT',
  'STATE_INVALID',
]);

const messages = goldenMessages.filter(
  ({ name }) =>
    !/^(join-(row|event|segment|parts|outbox|state|records)|snapshot-file|entity-rows|sample-headers)/.test(
      name,
    ),
);

function outcomeOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (refusals.has(code)) return undefined;
    return `${code}: ${String((error as Error).stack ?? error)}`;
  }
}

describe.each(messages.map((message) => [message.name, message] as const))(
  'a damaged message: %s',
  (_name, message) => {
    const fields = decode(storedBytes(message)) as Record<string, unknown>;

    test('with a field of another kind, or none, is read or refused by a code', () => {
      for (const damaged of damagedOf(fields))
        expect(outcomeOf(() => message.read(encode(damaged)))).toBeUndefined();
    });

    test('that is no map is refused', () => {
      for (const value of [null, 5, 'text', [], new Float32Array(2)])
        expect(outcomeOf(() => message.read(encode(value)))).toBeUndefined();
    });
  },
);

/** Each field of the map, and of the maps in it, replaced by each intruder. */
function* damagedOf(fields: Record<string, unknown>): Generator<Record<string, unknown>> {
  for (const [name, value] of Object.entries(fields)) {
    for (const intruder of intruders) yield { ...fields, [name]: intruder };
    if (isMap(value)) for (const inner of damagedOf(value)) yield { ...fields, [name]: inner };
    if (Array.isArray(value) && isMap(value[0]))
      for (const inner of damagedOf(value[0])) yield { ...fields, [name]: [inner] };
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value)
  );
}
