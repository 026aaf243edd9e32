import { expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { parseDeadLetters } from '../../messages/dead-letters.js';
import { names } from '../../messages/default-names.testkit.js';
import { system } from '../../runtime/system.js';
import { deadLetter, deadLetters, type LetterPorts } from './dead-letter.js';

function ports() {
  const sent: Uint8Array[] = [];
  const context: LetterPorts = {
    identity: { kind: 'processor', address: 'train/processor/0' },
    bus: {
      ...{ ...system, names, payloadBytesMax: 1_000 },
      append: async (_subject, bytes) => sent.push(bytes),
    },
    log: { warn: () => undefined },
  };
  return { sent, context };
}

test.each([
  ['is in its letter', 500, (content: unknown) => expect(content).toEqual(Buffer.alloc(500, 7))],
  [
    'is left out where the letter would be too long, and said to be',
    1_000,
    (content: unknown) => expect(content).toBeNull(),
  ],
])('what could not be processed %s', async (_where, length, judge) => {
  const { sent, context } = ports();
  const error = new StarlingError('BAD_MESSAGE', 'neither JSON nor CBOR');
  const content = new Uint8Array(length).fill(7);
  await deadLetter(context, {
    origin: 'starling.raw.east.action',
    sequence: 9,
    content,
    error,
    events: 1,
  });
  expect(sent[0]!.length).toBeLessThan(1_000);
  const { letters, sequence } = parseDeadLetters(decode(sent[0]!));
  expect([sequence, letters[0]!.code]).toEqual([9, 'BAD_MESSAGE']);
  expect(letters[0]!.message).toMatch(
    length < 1_000 ? /CBOR$/ : /CBOR \(Its 1\d{3} bytes are too many/,
  );
  judge(letters[0]!.content);
});

test('what is of one record is one message, or as many as it takes, in order', async () => {
  const { sent, context } = ports();
  const error = new StarlingError('BAD_EVENT', 'no item');
  const rejected = (length: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ content: new Uint8Array(length).fill(i), error, events: 1 },
    }));
  const origin = { origin: 'starling.raw.east.action', sequence: 9 };
  await deadLetters(context, origin, rejected(10, 5));
  expect(sent).toHaveLength(1);
  await deadLetters(context, origin, rejected(200, 9));
  const letters = sent.slice(1).map((bytes) => parseDeadLetters(decode(bytes)).letters);
  expect(letters.length).toBeGreaterThan(2);
  expect(letters.flat().map(({ content }) => (content as Uint8Array)[0])).toEqual([
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8],
  ]);
  await deadLetters(context, origin, []);
  expect(sent).toHaveLength(1 + letters.length);
});
