import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { secondsOf } from './event-time.js';

describe('the time of an event', () => {
  test.each([
    ['seconds', 1_700_000_000, 1_700_000_000],
    ['seconds with a fraction', 1_700_000_000.25, 1_700_000_000.25],
    ['milliseconds', 1_700_000_000_250, 1_700_000_000.25],
    ['seconds as text', ' 1700000000 ', 1_700_000_000],
    ['milliseconds as text', '1700000000250', 1_700_000_000.25],
    ['ISO 8601', '2023-11-14T22:13:20Z', 1_700_000_000],
    ['ISO 8601 with a zone', '2023-11-14T23:13:20+01:00', 1_700_000_000],
    ['a zone without a colon', '2023-11-14T18:43:20-0330', 1_700_000_000],
    ['a fraction', '2023-11-14T22:13:20.25Z', 1_700_000_000.25],
    ['a blank for the T, and no zone', '2023-11-14 22:13:20', 1_700_000_000],
    ['minutes', '2023-11-14T22:13Z', 1_699_999_980],
    ['a day', '2023-11-14', 1_699_920_000],
    ['the 29th of February', '2024-02-29', 1_709_164_800],
  ])('may be %s', (_name, value, seconds) => expect(secondsOf(value)).toBe(seconds));

  test.each([
    ...[-1, NaN, Infinity, 5e10, 5e12, 1.7e15, 1.7e18],
    ...[
      '',
      'yesterday',
      '14.11.2023',
      '2023-02-30',
      '2023-13-01',
      '2023-11-14T25:00Z',
      '2023-11-14T22',
    ],
    ...[
      '1e9',
      '0x10',
      '-5',
      '1969-12-31T23:59:59Z',
      '2286-11-20T17:46:40Z',
      '2023-11-14T22:13:20 CET',
    ],
  ])('is not %j', (value) => expect(secondsOf(value)).toBeUndefined());

  test('is what the calendar says, and the same in any unit', () => {
    const whole = fc.integer({ min: 0, max: 4e9 });
    fc.assert(
      fc.property(whole, fc.integer({ min: -14 * 4, max: 14 * 4 }), (seconds, quarters) => {
        expect(secondsOf(new Date(seconds * 1000).toISOString())).toBe(seconds);
        if (seconds >= 1e8) expect(secondsOf(seconds * 1000)).toBe(seconds);
        const minutes = Math.abs(quarters) * 15;
        const two = (n: number) => String(n).padStart(2, '0');
        const zone = `${quarters < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
        const local = new Date((seconds + quarters * 15 * 60) * 1000);
        if (local.getTime() < 0) return;
        expect(secondsOf(local.toISOString().replace('Z', zone))).toBe(seconds);
      }),
    );
  });
});
