import { expect, test } from '@jest/globals';
import { Lasting, type Evidence } from './lasting.js';

/** What is said after each minute of evidence: b bad, g good, - between, ? unknown. */
function course(evidence: string, isRaised = false): string {
  const lasting = new Lasting({ raiseAfterMs: 2, clearAfterMs: 3 }, isRaised);
  const meaning: Record<string, Evidence> = { b: 'bad', g: 'good', '-': 'between', '?': undefined };
  return [...evidence]
    .map((each, atMs) => {
      const changed = lasting.observe(meaning[each], atMs);
      return lasting.isRaised ? (changed ? 'R' : 'r') : changed ? 'C' : '.';
    })
    .join('');
}

test.each([
  ['what flickers says nothing', 'bgbgbb-bb', '.........'],
  ['what lasts is told once', 'gbbbbb', '...Rrr'],
  ['it ends when it has been right for a while', 'bbbggbgggg', '..Rrrrrrr' + 'C'],
  ['between the bounds it stays as it is', 'bbb---gg-gggg', '..Rrrrrrrrrr' + 'C'],
  ['what nobody knows changes nothing', 'b??bb', '..' + '.Rr'],
])('%s', (_what, evidence, said) => {
  expect(course(evidence)).toBe(said);
});

test('one that was raised goes on', () => {
  expect(course('bbggg', true)).toBe('rrrrr');
  expect(course('ggggg', true)).toBe('rrrC.');
});
