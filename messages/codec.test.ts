import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StarlingError, codeOf } from '../core/base/errors.js';
import { asFields, asMessage, describe as described, texts } from './checks.js';
import {
  decode,
  encode,
  encodeAs,
  encodingOf,
  errorReply,
  protocolVersion,
  refuseErrorReply,
} from './codec.js';
import { letterOf, deadLettersMessage, parseDeadLetters } from './dead-letters.js';
import { requireStateVersion } from './state-version.js';

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('the codec', () => {
  test('tells JSON from CBOR by the first byte, and answers in kind', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (value) => {
        expect(encodingOf(encode(value))).toBe('cbor');
        expect(encodingOf(encodeAs('json', value))).toBe('json');
      }),
    );
    expect(encodingOf(new TextEncoder().encode(' \n[1]'))).toBe('json');
    expect(decode(new Uint8Array(0))).toEqual({});
  });

  test('gives bytes that a later message does not write over', () => {
    const first = encode({ text: 'first' });
    const kept = first.slice();
    for (let i = 0; i < 100; i++) encode({ text: `another ${i}` });
    expect(first).toEqual(kept);
  });

  test('writes typed arrays as lists in JSON', () => {
    const bytes = encodeAs('json', { scores: Float32Array.of(0.5, 0.25) });
    expect(decode(bytes)).toEqual({ scores: [0.5, 0.25] });
  });

  test('refuses what is neither', () => {
    for (const text of ['{', '{"a":}', '[1,'])
      expect(codeFrom(() => decode(new TextEncoder().encode(text)))).toBe('BAD_MESSAGE');
    expect(codeFrom(() => decode(Uint8Array.of(0x7b, 0xff)))).toBe('BAD_MESSAGE');
  });

  test('carries an error, with its remedy once, to whoever asked', () => {
    const error = new StarlingError('BAD_REQUEST', 'k: expected 1 to 50; got 0', { field: 'k' });
    const carried = errorReply(new StarlingError('BAD_REQUEST', errorReply(error).error.message));
    expect(carried.error.message.match(/Correct the named field/g)).toHaveLength(1);
    expect(codeFrom(() => refuseErrorReply(decode(encode(errorReply(error)))))).toBe('BAD_REQUEST');
    expect(codeFrom(() => refuseErrorReply({ error: { code: 'OF_LATER', message: 'x' } }))).toBe(
      'INTERNAL',
    );
    expect(refuseErrorReply({ fine: 1 })).toEqual({ fine: 1 });
  });
});

describe('checks', () => {
  test('refuse unknown versions, older ones with what helps where it is state', () => {
    expect(asMessage({ v: protocolVersion, later: 1 }, 'x')).toMatchObject({ later: 1 });
    for (const v of [undefined, 1, protocolVersion + 1, '2'])
      expect(codeFrom(() => asMessage({ v }, 'x'))).toBe('UNSUPPORTED_VERSION');
    expect(() => asMessage({ v: 1 }, 'x')).toThrow(/--state/);
    expect(() => asMessage({ v: 99 }, 'x')).not.toThrow(/--state/);
  });

  test('say what they got, shortly', () => {
    expect([null, undefined, [1], {}, 1.5, 'text', Uint8Array.of(1)].map(described)).toEqual([
      ...['null', 'nothing', 'a list of 1', 'a map', '1.5', '"text"', 'Uint8Array'],
    ]);
    expect(described('x'.repeat(100)).length).toBeLessThan(50);
    for (const value of [null, [], 'x', Uint8Array.of(1)])
      expect(codeFrom(() => asFields(value, 'x'))).toBe('BAD_MESSAGE');
    expect(() => texts({ ids: ['a', 7] }, 'ids', 'x')).toThrow(/ids\[1\]/);
    expect(() => texts({ ids: ['a'] }, 'ids', 'x', 2)).toThrow(/2 strings/);
  });
});

describe('dead letters', () => {
  test('tell code, message, events and content; a code of later counts as INTERNAL', () => {
    const letter = letterOf(new StarlingError('BAD_EVENT', 'no item'), {
      events: 2,
      content: { user: 1 },
    });
    expect(letter).toEqual({
      code: 'BAD_EVENT',
      message: 'no item',
      events: 2,
      content: { user: 1 },
    });
    const letters = { atMs: 1, address: 'a', origin: 'join', sequence: 0, letters: [letter] };
    const message = deadLettersMessage(letters);
    expect(parseDeadLetters(decode(encode(message)))).toEqual(letters);
    const later = { ...message, letters: [{ ...letter, code: 'OF_LATER' }] };
    expect(parseDeadLetters(later).letters[0]!.code).toBe('INTERNAL');
    expect(codeFrom(() => parseDeadLetters({ ...message, letters: [7] }))).toBe('BAD_MESSAGE');
  });
});

test('state of another release is refused with what helps', () => {
  expect(() => requireStateVersion(protocolVersion, '/state')).not.toThrow();
  expect(() => requireStateVersion(undefined, '/state')).toThrow(
    /^\/state was written by an older release of Starling \(version 1; .*new --state folder/,
  );
  expect(() => requireStateVersion(protocolVersion + 1, '/state')).toThrow(/a newer release/);
});
