import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { runs } from '../core/base/runs.testkit.js';
import { codeOf } from '../core/base/errors.js';
import { decode, encode } from './codec.js';
import { checkCborStructure, checkJsonStructure, nestingMax, valuesMax } from './structure.js';

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

/** A head of a list, text or byte string with a length of 4 bytes, then `count` times a byte. */
function filled(first: number, count: number, byte: number): Uint8Array {
  const bytes = new Uint8Array(5 + count).fill(byte);
  bytes[0] = first;
  new DataView(bytes.buffer).setUint32(1, count);
  return bytes;
}

describe('the structure of a CBOR message', () => {
  test('anything that Starling can say passes, and comes out as it went in', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      // cbor-x writes -0 as 0.
      fc.double({ noNaN: true }).map((number) => number + 0),
      fc.integer(),
      fc.constantFrom(true, false, null, undefined),
      fc.uint8Array(),
      fc.uint32Array(),
      fc.int32Array(),
      fc.float32Array({ noNaN: true }),
      fc.float64Array({ noNaN: true }),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('map')),
      list: fc.array(tie('value'), { maxLength: 30 }),
      map: fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
      ),
    }));
    fc.assert(
      fc.property(value, (said) => {
        const bytes = encode(said);
        checkCborStructure(bytes);
        const heard = decode(encode({ said }));
        // `expect` takes longer than all the rest, and has more to say where it is needed.
        if (!isDeepStrictEqual(heard, { said })) expect(heard).toEqual({ said });
      }),
      { numRuns: runs(60) },
    );
  });

  test('each typed array passes at each of the ways to write its length', () => {
    for (const elements of [0, 1, 5, 23, 60, 9000]) {
      for (const Type of [Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array]) {
        const array = new Type(elements).fill(3);
        expect(decode(encode({ array }))).toEqual({ array });
      }
    }
  });

  test('what ends early or goes on is refused, wherever it is cut', () => {
    const whole = encode({ text: 'abc', list: [1, 300, 70_000, 1.5], rows: new Float32Array(70) });
    for (let length = 0; length < whole.length; length++) {
      expect(codeFrom(() => checkCborStructure(whole.subarray(0, length)))).toBe('BAD_MESSAGE');
    }
    expect(codeFrom(() => checkCborStructure(Uint8Array.of(...whole, 0)))).toBe('BAD_MESSAGE');
  });

  test('lengths beyond the bytes at hand, up to 2^64', () => {
    for (const head of [
      '5a ffffffff',
      '7b ffffffffffffffff',
      '9a 10000000',
      'bb 0000000100000000',
    ]) {
      expect(codeFrom(() => decode(hex(`${head} 00`)))).toBe('BAD_MESSAGE');
    }
  });

  test('tags that make a decoder work hard are refused before it begins', () => {
    const bigInteger = Uint8Array.of(0xc2, ...filled(0x5a, 40_000, 0xff));
    const packed = hex('d833 84 81 00 82 00 80 80 d8e1 80');
    const record = hex('d9dfff 83 19e000 81 6161 00');
    const bundle = hex('d9dff9 9a 10000000 00');
    const regexp = Uint8Array.of(0xd8, 27, 0x82, 0x66, ...ascii('RegExp'), 0x61, 0x28);
    const shared = hex('d81c 81 d81d 00');
    for (const bytes of [bigInteger, packed, record, bundle, regexp, shared, hex('c1 00')]) {
      expect(codeFrom(() => decode(bytes))).toBe('BAD_MESSAGE');
    }
  });

  test('a typed array of broken elements, of no bytes, of an unknown kind', () => {
    for (const bytes of ['d855 43 000000', 'd856 44 00000000', 'd855 80', 'd855', 'd854 42 0000']) {
      expect(codeFrom(() => checkCborStructure(hex(bytes)))).toBe('BAD_MESSAGE');
    }
  });

  test('nesting and the number of values are bounded', () => {
    const nested = (depth: number) => Uint8Array.of(...new Uint8Array(depth).fill(0x81), 0);
    expect(codeFrom(() => decode(nested(nestingMax)))).toBeUndefined();
    expect(codeFrom(() => decode(nested(nestingMax + 1)))).toBe('BAD_MESSAGE');
    expect(codeFrom(() => checkCborStructure(filled(0x9a, valuesMax - 1, 0)))).toBeUndefined();
    expect(codeFrom(() => checkCborStructure(filled(0x9a, valuesMax, 0)))).toBe(
      'PAYLOAD_TOO_LARGE',
    );
  });

  test('lengths that are not given in front are refused', () => {
    for (const bytes of ['9f 00 ff', 'bf ff', '5f 41 00 ff', 'ff']) {
      expect(codeFrom(() => decode(hex(bytes)))).toBe('BAD_MESSAGE');
    }
  });

  test('the walk agrees with what cbor-x reads, byte for byte', () => {
    const reference = new Encoder({ useRecords: false, mapsAsObjects: true });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
        if (codeFrom(() => checkCborStructure(bytes)) !== undefined) return;
        try {
          reference.decode(bytes);
        } catch (error) {
          // Left to the decoder: unassigned simple values, and maps and lists as keys.
          expect(String(error)).toMatch(/packed values|Invalid property name|Unknown token/);
        }
      }),
      { numRuns: runs(1_000) },
    );
  });
});

describe('the structure of a JSON message', () => {
  test('brackets and commas count outside of strings only', () => {
    const brackets = JSON.stringify({ text: '[{'.repeat(100) + '\\"[{"', list: [{}, []] });
    expect(decode(ascii(brackets))).toEqual(JSON.parse(brackets));
    const nested = (depth: number) => ascii('['.repeat(depth) + ']'.repeat(depth));
    expect(codeFrom(() => decode(nested(nestingMax)))).toBeUndefined();
    expect(codeFrom(() => decode(nested(nestingMax + 1)))).toBe('BAD_MESSAGE');
    const list = ascii(`[${'0,'.repeat(valuesMax)}0]`);
    expect(codeFrom(() => checkJsonStructure(list))).toBe('PAYLOAD_TOO_LARGE');
    expect(codeFrom(() => decode(ascii('{"open": "\\')))).toBe('BAD_MESSAGE');
  });
});
