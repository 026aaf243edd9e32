import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import {
  hostProfileMessage,
  measuredProfile,
  parseHostProfile,
  parseProfileRequest,
} from './profiles.js';

const tree = {
  ...{ names: ['(root)', 'pull'], fileOf: [0, 1], files: ['', 'core/embedding/rows.js'] },
  ...{ functionOf: [0, 1, 1], parentOf: [0, 0, 1], selfUs: [0, 10, 20] },
};

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('a profile of a host', () => {
  test.each([
    ['a child before its parent', { parentOf: [0, 2, 1] }],
    ['a node that is its own parent', { parentOf: [0, 1, 1] }],
    ['a function that is not there', { functionOf: [0, 2, 1] }],
    ['a file that is not there', { fileOf: [0, 2] }],
    ['times of other nodes', { selfUs: [0, 10] }],
    ['time that runs backwards', { selfUs: [0, -1, 20] }],
    ['no numbers', { selfUs: ['0', 1, 2] }],
  ])('with %s is refused', (_what, wrong) => {
    const measured = { wallMs: 1, cpuMs: 1, tree };
    expect(measuredProfile(measured)).toEqual(measured);
    expect(codeFrom(() => measuredProfile({ ...measured, tree: { ...tree, ...wrong } }))).toBe(
      'BAD_MESSAGE',
    );
  });

  test('has servers of which only the time is known', () => {
    const processes = [{ name: 'nats-server a', pid: 1, kinds: ['x'], wallMs: 1, cpuMs: 2 }];
    const profile = { host: 'h', processes, missing: [] };
    expect(parseHostProfile(hostProfileMessage(profile))).toEqual(profile);
  });

  test('is of seconds that can be waited for', () => {
    const ask = (seconds: unknown) => parseProfileRequest({ v: 2, operation: 'o', seconds });
    expect(ask(10)).toEqual({ operation: 'o', seconds: 10 });
    for (const wrong of [0, -1, 1e9, Infinity, NaN, '10'])
      expect(codeFrom(() => ask(wrong))).toBe('BAD_MESSAGE');
  });
});
