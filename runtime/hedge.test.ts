import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { encode } from '../messages/codec.js';
import { Hedge } from './hedge.js';
import { system } from './system.js';

const at = (dataCenter: string): string => `rank.${dataCenter}`;

/** Nobody answers here; elsewhere they do at once. */
function pretendBus() {
  const asked: { readonly subject: string; readonly atMs: number }[] = [];
  const startMs = performance.now();
  const request = async (subject: string, _bytes: Uint8Array, how: { timeoutMs: number }) => {
    asked.push({ subject, atMs: performance.now() - startMs });
    if (subject !== 'rank') return encode({ from: subject });
    await new Promise((resolve) => setTimeout(resolve, how.timeoutMs).unref());
    throw new StarlingError('TIMEOUT', 'nobody');
  };
  return { bus: { request, ...system }, asked };
}

describe('a hedge', () => {
  test('takes the other data centers in turn, those that are known at the time', async () => {
    const { bus } = pretendBus();
    let known = ['east', 'west'];
    const hedge = new Hedge(bus, { hedgeMs: 5, elsewhere: () => known });
    const ask = () => hedge.call('rank', at, {}, { deadlineMs: 300 });
    const from = (...names: string[]) => names.map((name) => ({ from: name }));
    expect([await ask(), await ask(), await ask()]).toEqual(
      from('rank.east', 'rank.west', 'rank.east'),
    );
    known = ['north'];
    expect(await ask()).toEqual({ from: 'rank.north' });
    expect(hedge.count).toBe(4);
  });

  test('leaves most of a short time to the second answer', async () => {
    const { bus, asked } = pretendBus();
    const hedge = new Hedge(bus, { hedgeMs: 10_000, elsewhere: () => ['east'] });
    expect(await hedge.call('rank', at, {}, { deadlineMs: 90 })).toEqual({
      from: 'rank.east',
    });
    expect(asked.map(({ subject }) => subject)).toEqual(['rank', 'rank.east']);
    expect(asked[1]!.atMs).toBeGreaterThanOrEqual(29);
  });

  test('asks here alone where there is nobody else', async () => {
    const { bus, asked } = pretendBus();
    const hedge = new Hedge(bus, { hedgeMs: 5, elsewhere: () => [] });
    await expect(
      hedge.call('rank', at, {}, { deadlineMs: 40, retry: 'none' }),
    ).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(asked.map(({ subject }) => subject)).toEqual(['rank']);
    expect(hedge.count).toBe(0);
  });
});
