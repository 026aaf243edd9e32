import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mix32 } from '../core/base/hash.js';
import { Admission } from './admission.js';

const patienceMs = 1_000;
const inFlightMax = 1_000;
const jobMs = 10;

interface Work {
  readonly arrivedAtMs: number;
  leftMs: number;
}

interface Played {
  readonly perSecond: number;
  readonly admission?: Admission;
  /** Of the work of a request, by when it came. */
  readonly slow?: (atMs: number) => number;
}

/**
 * One processor that all requests share, as those of one event loop do, in steps of a millisecond; they come by chance, at a mean rate.
 * To refuse one takes a hundredth of what it takes to answer it.
 */
function play({ perSecond, admission, slow = () => 1 }: Played) {
  let seed = 1;
  const random = () => mix32(++seed) / 2 ** 32;
  const nextMs = () => (-Math.log(1 - random()) * 1_000) / perSecond;
  const here: Work[] = [];
  const tookMs: number[] = [];
  const endMs = 20_000;
  let refused = 0;
  let late = 0;
  let dueMs = nextMs();
  for (let nowMs = 0; nowMs < endMs; nowMs++) {
    let leftMs = 1;
    for (; dueMs <= nowMs; dueMs += nextMs()) {
      if (admission?.refusal(patienceMs) !== undefined) {
        refused++;
        leftMs -= jobMs / 100;
      } else here.push({ arrivedAtMs: nowMs, leftMs: jobMs * slow(nowMs) });
    }
    while (leftMs > 0 && here.length > 0) {
      const part = leftMs / here.length;
      const least = Math.min(part, ...here.map((each) => each.leftMs));
      for (const each of here) each.leftMs -= least;
      leftMs -= least * here.length;
      for (let i = here.length - 1; i >= 0; i--) {
        if (here[i]!.leftMs > 1e-9) continue;
        const [{ arrivedAtMs }] = here.splice(i, 1) as [Work];
        admission?.leave(arrivedAtMs, nowMs, true);
        const ms = nowMs - arrivedAtMs;
        if (ms <= patienceMs) tookMs.push(ms);
        else late++;
      }
      if (least === part) break;
    }
  }
  tookMs.sort((a, b) => a - b);
  const p99Ms = tookMs[Math.floor(0.99 * tookMs.length)] ?? Infinity;
  return { perSecond: tookMs.length / (endMs / 1_000), refused, late, p99Ms };
}

const most = 1_000 / jobMs;

describe('who is let in', () => {
  test('is everybody while there is time for all', () => {
    const { perSecond, refused, late } = play({
      perSecond: most / 2,
      admission: new Admission({ inFlightMax }),
    });
    expect([refused, late]).toEqual([0, 0]);
    expect(perSecond).toBeGreaterThan(0.9 * (most / 2));
  });

  test.each([1, 2, 10])('at %d times as many as there is time for is answered in time', (times) => {
    const found = play({
      perSecond: times * most,
      admission: new Admission({ inFlightMax }),
    });
    expect(found.perSecond).toBeGreaterThan(0.8 * most);
    expect(found.late).toBe(0);
    expect(found.p99Ms).toBeLessThan(patienceMs);
  });

  test('without a bound in time, is nobody', () => {
    expect(play({ perSecond: 2 * most }).perSecond).toBeLessThan(0.2 * most);
  });

  test('is more as it warms', () => {
    // The first second everything takes ten times as long.
    const found = play({
      perSecond: 2 * most,
      admission: new Admission({ inFlightMax }),
      slow: (atMs) => (atMs < 1_000 ? 10 : 1),
    });
    expect(found.perSecond).toBeGreaterThan(0.75 * most);
    expect(found.late).toBeLessThan(20);
  });

  test('is fewer when it has become slow, and more when that is over', () => {
    const found = play({
      perSecond: most / 2,
      admission: new Admission({ inFlightMax }),
      slow: (atMs) => (atMs > 5_000 && atMs < 10_000 ? 10 : 1),
    });
    // A quarter of the time there was a tenth of it.
    expect(found.perSecond).toBeGreaterThan(0.7 * (most / 2));
    expect(found.late).toBeLessThan(0.05 * found.perSecond * 20);
  });
});

describe('an admission', () => {
  test('takes a pause between requests for no work', () => {
    const admission = new Admission({ inFlightMax });
    for (let atMs = 0; atMs < 100_000; atMs += 10_000) {
      expect(admission.refusal(patienceMs)).toBeUndefined();
      admission.leave(atMs, atMs + 5, true);
    }
    expect(admission.expectedMs).toBeCloseTo(5);
  });

  test('counts alone those who do not say how long they wait', () => {
    const admission = new Admission({ inFlightMax });
    for (let n = 0; n < inFlightMax; n++) expect(admission.refusal(Infinity)).toBeUndefined();
    expect(admission.refusal(Infinity)).toBeDefined();
  });

  test('lets few in until one is done, and says after how long to ask again', () => {
    const admission = new Admission({ inFlightMax });
    for (let n = 0; n < 16; n++) expect(admission.refusal(patienceMs)).toBeUndefined();
    expect(admission.refusal(patienceMs)).toBe(100);
    admission.leave(0, 100, true);
    // 16 would take 1.6 s, of which there is half a second.
    expect(admission.refusal(patienceMs)).toBe(1_100);
    expect(admission.refusal(10_000)).toBeUndefined();
  });

  test('always lets some in, and never more than its bound', () => {
    const admission = new Admission({ inFlightMax: 3 });
    admission.refusal(patienceMs);
    admission.leave(0, 60_000, true);
    expect([1, 2, 3].map(() => admission.refusal(patienceMs) === undefined)).toEqual([
      ...[true, true, false],
    ]);
    expect(admission.refusal(1e9)).toBeUndefined();
    expect(admission.refusal(1e9)).toBeDefined();
  });

  test('learns nothing of what was refused by its form', () => {
    const admission = new Admission({ inFlightMax });
    admission.refusal(patienceMs);
    admission.leave(0, 500, false);
    expect(admission.expectedMs).toBe(0);
  });

  test('lets fewer in where somebody else has too much to do, and slowly more again', () => {
    const admission = new Admission({ inFlightMax: 100 });
    const fill = () => {
      while (admission.refusal(1e9) === undefined);
      return admission.inFlight;
    };
    admission.refusal(1e9);
    admission.leave(0, 1, true);
    expect(fill()).toBe(100);
    admission.backOff(0);
    // Those on their way say the same.
    admission.backOff(50);
    for (let n = 0; n < 100; n++) admission.leave(0, 1, false);
    expect(fill()).toBe(70);
    for (let n = 0; n < 70; n++) admission.leave(0, 1, true);
    expect(fill()).toBe(71);
    for (let n = 0; n < 50; n++) admission.backOff(1_000 * n + 1_000);
    for (let n = 0; n < 71; n++) admission.leave(0, 1, false);
    expect(fill()).toBe(4);
  });
});

test('there is room for as many as would be let in', () => {
  const step = fc.record({
    what: fc.constantFrom('come', 'come', 'leave', 'backOff'),
    afterMs: fc.integer({ min: 0, max: 300 }),
  });
  const property = fc.property(
    fc.array(step, { maxLength: 60 }),
    fc.constantFrom(41.7, 903.3, Infinity),
    (steps, patience) => {
      const admission = new Admission({ inFlightMax: 24 });
      const here: number[] = [];
      let nowMs = 0;
      for (const { what, afterMs } of steps) {
        nowMs += afterMs;
        if (what === 'backOff') admission.backOff(nowMs);
        else if (what === 'leave' && here.length > 0) admission.leave(here.shift()!, nowMs, true);
        else if (what === 'come' && admission.refusal(5_000) === undefined) here.push(nowMs);
      }
      const room = admission.room(patience);
      let letIn = 0;
      while (letIn < 100 && admission.refusal(patience) === undefined) letIn++;
      expect(letIn).toBe(Math.max(0, room));
    },
  );
  fc.assert(property);
});
