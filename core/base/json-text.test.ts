import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, textOfUtf8 } from './json-text.js';

const mark = '\uFEFF';

describe('JSON that people write', () => {
  test.each([mark, ''])('is read with and without a byte order mark', (start) => {
    expect(parseJson(`${start}{"a": [1, "\\u0041", null]}`)).toEqual({ a: [1, 'A', null] });
    expect(textOfUtf8(Buffer.from(`${start}{"ü": 1}`))).toBe('{"ü": 1}');
  });

  test.each([
    ['{\n  "a": 1,\n}', 'line 3, column 1: there must be no comma before }'],
    ['[1, 2,]', 'line 1, column 7: there must be no comma before ]'],
    ['{\r\n  // why\r\n  "a": 1\r\n}', 'line 2, column 3: JSON has no comments'],
    ['{"a": 1 /* why */}', 'line 1, column 9: JSON has no comments'],
    ["{'a': 1}", 'line 1, column 2: texts stand in double quotes'],
    ['{a: 1}', 'line 1, column 2: expected a key in double quotes or }; got "a"'],
    ['{"a" 1}', 'line 1, column 6: expected a colon; got "1"'],
    ['{"a": 1 "b": 2}', 'line 1, column 9: expected a comma or }; got "\\""'],
    ['{"a": undefined}', 'line 1, column 7: expected a value; got "undefined"'],
    ['{"a": \u00a01}', 'line 1, column 7: expected a value; got "\u00a0"'],
    ['[1] 2', 'line 1, column 5: expected the end of the text; got "2"'],
    ['[1}', 'line 1, column 3: expected a comma or ]; got "}"'],
    ['{\n"a": [1', 'line 2, column 8: the text ends here; expected a comma or ]'],
    ['', 'line 1, column 1: the text ends here; expected a value'],
    ['{"a": "b', 'line 1, column 7: a text that is not closed'],
    ['{"a": "C:\\data"}', 'line 1, column 7: a text that is not closed, or has'],
    ['{"a": 01}', 'line 1, column 8: expected a comma or }; got "1"'],
  ])('%j: %s', (text, message) => {
    expect(() => parseJson(text)).toThrow(message);
  });

  test('every mistake that the engine finds has a place', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ':', ',', '"a"', '1', '-', ' ', '\n', 'x');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        let isRight = true;
        try {
          JSON.parse(text);
        } catch {
          isRight = false;
        }
        if (isRight) expect(parseJson(text)).toEqual(JSON.parse(text));
        else expect(() => parseJson(text)).toThrow(/^line \d+, column \d+: /);
      }),
    );
  });
});

test.each([
  ['UTF-16, little endian', Buffer.from(`${mark}{}`, 'utf16le'), 'is UTF-16; save it as UTF-8'],
  ['UTF-16, big endian', Buffer.from([0xfe, 0xff, 0, 0x7b]), 'is UTF-16; save it as UTF-8'],
  ['Latin-1', Buffer.from('{"a": "ü"}', 'latin1'), 'is not UTF-8; save it as UTF-8'],
])('%s is refused by name', (_name, bytes, message) => {
  expect(() => textOfUtf8(bytes)).toThrow(message);
});
