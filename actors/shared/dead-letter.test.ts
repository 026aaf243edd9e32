import { expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { parseDeadLetters } from '../../messages/dead-letters.js';
import { names } from '../../messages/default-names.testkit.js';
import { system } from '../../runtime/system.js';
import { deadLetter, type LetterPorts } from './dead-letter.js';

test.each([
  ['is in its letter', 500, (content: unknown) => expect(content).toEqual(Buffer.alloc(500, 7))],
  [
    'is left out where the letter would be too long, and said to be',
    1_000,
    (content: unknown) => expect(content).toBeNull(),
  ],
])('what could not be processed %s', async (_where, length, judge) => {
  const sent: Uint8Array[] = [];
  const context: LetterPorts = {
    identity: { kind: 'processor', address: 'train/processor/0' },
    bus: {
      ...{ ...system, names, payloadBytesMax: 1_000 },
      append: async (_subject, bytes) => sent.push(bytes),
    },
    log: { warn: () => undefined },
  };
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
