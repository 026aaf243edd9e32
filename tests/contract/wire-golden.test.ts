import { describe, expect, test } from '@jest/globals';
import {
  fileName,
  storedBytes,
  storedFiles,
  storedText,
  todaysText,
} from './golden/golden-files.js';
import { goldenMessages } from './golden/golden-messages.js';
import { bytesOf, textOf } from './golden/golden-text.js';

describe.each(goldenMessages.map((message) => [message.name, message] as const))(
  'the golden bytes of %s',
  (_name, message) => {
    test('are what is written today; `npm run golden` where the wire is to change', () => {
      expect(todaysText(message)).toBe(storedText(message));
    });

    test('are read to what they mean', () => {
      expect(message.read(storedBytes(message))).toEqual(message.expected);
    });
  },
);

test('each golden file is of a message, and each message has a name of its own', () => {
  const names = goldenMessages.map(fileName);
  expect(storedFiles().sort()).toEqual([...names].sort());
  expect(new Set(names).size).toBe(names.length);
});

test('golden text gives back its bytes, whether they are a message or not', () => {
  for (const bytes of [Uint8Array.of(), Uint8Array.of(1, 2, 3), new Uint8Array(100).fill(0xa1)])
    expect(bytesOf(textOf(bytes))).toEqual(bytes);
});
