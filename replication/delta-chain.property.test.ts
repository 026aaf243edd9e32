import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DeltaPart } from './delta-chain.js';
import { DeltaChain, logStart } from './delta-chain.js';

/** A log as owners write it: whole deltas, and at the end of an epoch perhaps the beginning of one more. */
const logs = fc
  .array(
    fc.record({
      deltas: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      unfinishedParts: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((epochs) => {
    const log: DeltaPart[] = [];
    let deltaNumber = 0;
    for (const [i, { deltas, unfinishedParts }] of epochs.entries()) {
      const epoch = i + 1;
      for (const parts of deltas) log.push(...deltaOf(epoch, ++deltaNumber, parts));
      log.push(...deltaOf(epoch, deltaNumber + 1, 3).slice(0, unfinishedParts));
    }
    return { log, last: deltaNumber, epochs: epochs.length };
  });

function deltaOf(epoch: number, deltaNumber: number, parts: number): DeltaPart[] {
  return Array.from({ length: parts }, (_unused, part) => {
    return { epoch, deltaNumber, part, last: part === parts - 1 };
  });
}

function feed(chain: DeltaChain<DeltaPart>, log: readonly DeltaPart[]) {
  const applied: number[] = [];
  let gaps = 0;
  for (const part of log) {
    const verdict = chain.take(part);
    if (verdict === 'gap') gaps++;
    if (verdict !== 'complete') continue;
    expect(chain.parts.map((each) => each.part)).toEqual([...chain.parts.keys()]);
    expect(chain.parts.at(-1)).toBe(part);
    expect(new Set(chain.parts.map(({ epoch }) => epoch)).size).toBe(1);
    applied.push(part.deltaNumber);
  }
  return { applied, gaps };
}

const range = (count: number) => Array.from({ length: count }, (_unused, i) => i + 1);

describe('a chain of deltas', () => {
  test('applies each finished delta of a log once and in order', () => {
    fc.assert(
      fc.property(logs, ({ log, last, epochs }) => {
        const chain = new DeltaChain(logStart);
        expect(feed(chain, log)).toEqual({ applied: range(last), gaps: 0 });
        expect(chain.position).toEqual({ epoch: epochs, deltaNumber: last });
      }),
    );
  });

  test('takes what comes again for stale, from wherever the log is read again', () => {
    fc.assert(
      fc.property(logs, fc.nat(), ({ log, last }, again) => {
        const chain = new DeltaChain(logStart);
        feed(chain, log);
        const rest = log.slice(again % log.length);
        expect(feed(chain, rest).applied).toEqual([]);
        expect(chain.position.deltaNumber).toBe(last);
      }),
    );
  });

  test('goes on from any delta that a snapshot holds', () => {
    fc.assert(
      fc.property(logs, fc.nat(), ({ log, last }, pick) => {
        const begin = log.filter((part) => part.last)[pick % last]!;
        const chain = new DeltaChain(begin);
        const { applied, gaps } = feed(chain, log);
        expect(gaps).toBe(0);
        expect(applied).toEqual(range(last).slice(begin.deltaNumber));
      }),
    );
  });

  test('never applies past a missing part of a finished delta', () => {
    fc.assert(
      fc.property(logs, fc.nat(), ({ log, last }, pick) => {
        const finished = log.filter(({ epoch, deltaNumber }) =>
          log.some((each) => each.epoch === epoch && each.deltaNumber === deltaNumber && each.last),
        );
        const missing = finished[pick % finished.length]!;
        const chain = new DeltaChain(logStart);
        const { applied, gaps } = feed(
          chain,
          log.filter((part) => part !== missing),
        );
        expect(applied).toEqual(range(missing.deltaNumber - 1));
        if (missing.deltaNumber < last) expect(gaps).toBeGreaterThan(0);
      }),
    );
  });

  test('does not follow a fenced owner after its successor has written', () => {
    const chain = new DeltaChain({ epoch: 3, deltaNumber: 10 });
    const part = (epoch: number, deltaNumber: number) => deltaOf(epoch, deltaNumber, 1)[0]!;
    expect(chain.take(part(4, 11))).toBe('complete');
    expect(chain.take(part(3, 12))).toBe('stale');
    expect(chain.take(part(3, 11))).toBe('stale');
    expect(chain.take(part(4, 12))).toBe('complete');
  });
});
