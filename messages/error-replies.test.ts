import { describe, expect, test } from '@jest/globals';
import { decode, encode, encodeAs, encodingOf, errorReply } from './codec.js';

const text = (body: string): Uint8Array => new TextEncoder().encode(body);

/** What a person has sent who knows no CBOR, and so reads none. */
const written = ['user=1', '{"user":', 'hello', '"42"', '-1', ' { "user": "42" }', '[]', '', '~'];

describe('the encoding of an answer', () => {
  test.each(written)('to the text %j is JSON', (body) => {
    expect(encodingOf(text(body))).toBe('json');
  });

  test.each([{}, { a: 1 }, [], [1], Object.fromEntries(written.map((each) => [each, each]))])(
    'to the CBOR of %j is CBOR',
    (value) => {
      expect(encodingOf(encode(value))).toBe('cbor');
      expect(decode(encode(value))).toEqual(value);
    },
  );

  test('tells the writer of text what is wrong with it', () => {
    let reply = new Uint8Array();
    try {
      decode(text('user=1'));
    } catch (error) {
      reply = encodeAs(encodingOf(text('user=1')), errorReply(error)) as Uint8Array<ArrayBuffer>;
    }
    expect(JSON.parse(new TextDecoder().decode(reply))).toMatchObject({
      error: { code: 'BAD_MESSAGE', message: expect.stringContaining('JSON') },
    });
  });
});
