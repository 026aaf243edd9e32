import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostNameOf, isHostName } from './host-name.js';

test.each([
  ['vm', 'vm'],
  ['localhost', 'localhost'],
  ['Annas-MacBook', 'Annas-MacBook'],
  ['build_7', 'build_7'],
  ['name.local', 'name-local'],
  ['ip-10-0-0-7.ec2.internal', 'ip-10-0-0-7-ec2-internal'],
  ['example.', 'example'],
  ['a'.repeat(64), 'a'.repeat(64)],
  ['', expect.stringMatching(/^host-[0-9a-f]{8}$/)],
  ['…', expect.stringMatching(/^host-[0-9a-f]{8}$/)],
  ['Bücher', expect.stringMatching(/^B-cher-[0-9a-f]{8}$/)],
  ['日本', expect.stringMatching(/^host-[0-9a-f]{8}$/)],
  ['my host*>', expect.stringMatching(/^my-host-[0-9a-f]{8}$/)],
  [`${'a'.repeat(253)}.local`, expect.stringMatching(/^a{246}-[0-9a-f]{8}$/)],
])('a machine called %j is the host %s', (systemName, name) => {
  expect(hostNameOf(systemName)).toEqual(name);
});

test('any machine has a name that can stand in subjects and keys', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (systemName) => {
      expect(isHostName(hostNameOf(systemName))).toBe(true);
    }),
  );
});

test.each(['', 'a.b', 'a b', '*', 'ü', 'a'.repeat(256)])('%j is no name of a host', (name) => {
  expect(isHostName(name)).toBe(false);
});
