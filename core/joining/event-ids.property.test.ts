import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { EventIds, type IdentifiedEvent } from './event-ids.js';
import type { RememberedSegment } from './remembered-keys.js';

const lanes = 2;
const apartMsMax = 20;
const behindMsMax = 30;

const step = fc.record({
  id: fc.constantFrom('a', 'b'),
  lane: fc.constantFrom(0, 1),
  atMs: fc.nat(300),
  isSent: fc.boolean(),
  isPassed: fc.boolean(),
  /** By how much sooner than it could it is forgotten what was. */
  slackMs: fc.nat(60),
  then: fc.constantFrom('', '', '', 'drain', 'crash'),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Which nothing is ever forgotten of. */
class Model {
  readonly #known = new Map<string, { atMs: number; isPassed: boolean }>();

  isKnown({ id, atMs }: IdentifiedEvent, isSent: boolean): boolean {
    return [0, 1].some((lane) => {
      const known = this.#known.get(`${lane} ${id}`);
      if (!known || (isSent && known.isPassed)) return false;
      return Math.abs(known.atMs - atMs) <= apartMsMax;
    });
  }

  remember({ id, lane, atMs }: IdentifiedEvent, isPassed: boolean): void {
    const knownMs = this.#known.get(`${lane} ${id}`)?.atMs ?? -Infinity;
    if (knownMs - atMs > apartMsMax) return;
    this.#known.set(`${lane} ${id}`, { atMs: Math.max(knownMs, atMs), isPassed });
  }
}

/** With a store beside them. */
class Stored {
  readonly #bucketMs: number;
  readonly #segments = new Map<number, RememberedSegment>();
  readonly #watermarksMs = [-Infinity, -Infinity];
  #numberNext = 1;
  ids: EventIds;

  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
    this.ids = this.#empty();
  }

  advance(lane: number, watermarkMs: number): void {
    this.#watermarksMs[lane] = Math.max(this.#watermarksMs[lane]!, watermarkMs);
    this.ids.forget(lane, this.#watermarksMs[lane]);
  }

  drain(): void {
    for (const segment of this.ids.takeFresh()) {
      this.ids.seal(this.#numberNext, segment);
      this.#segments.set(this.#numberNext++, segment);
    }
    for (const number of this.ids.takeEmpty(this.#watermarksMs)) this.#segments.delete(number);
  }

  restart(): void {
    this.ids = this.#empty();
    for (const [number, segment] of this.#segments) this.ids.restore(number, segment);
    this.#watermarksMs.forEach((watermarkMs, lane) => this.ids.forget(lane, watermarkMs));
  }

  #empty(): EventIds {
    return new EventIds({ apartMsMax, behindMsMax, bucketMs: this.#bucketMs, lanes });
  }
}

/** What comes from some place on is no older than that. */
function oldestFrom(steps: readonly Step[], place: number): number {
  return Math.min(...steps.slice(place).map(({ atMs }) => atMs));
}

test('what is known follows from the times of events, whatever is forgotten of those that nothing can be a copy of any more', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (all, ms) => {
      const model = new Model();
      const stored = new Stored(ms);
      for (const [place, event] of all.entries()) {
        const watermarkMs = oldestFrom(all, place) + behindMsMax;
        stored.advance(event.lane, watermarkMs - event.slackMs);
        stored.advance(1 - event.lane, watermarkMs);
        const isKnown = model.isKnown(event, event.isSent);
        expect(stored.ids.isKnown(event, event.isSent)).toBe(isKnown);
        if (!isKnown) {
          model.remember(event, event.isPassed);
          if (event.isPassed) stored.ids.rememberPassed(event);
          else stored.ids.remember(event);
        }
        if (event.then !== '') stored.drain();
        if (event.then === 'crash') stored.restart();
      }
    }),
    { numRuns: runs(500) },
  );
});

test('what is over when it comes is not remembered, not even for who comes in the same record', () => {
  const { ids } = new Stored(1);
  const event = { id: 'a', lane: 0, atMs: 100 };
  ids.forget(0, event.atMs + apartMsMax + behindMsMax + 1);
  ids.remember(event);
  expect(ids.isKnown(event, false)).toBe(false);
  const next = { ...event, atMs: event.atMs + 1 };
  ids.remember(next);
  expect(ids.isKnown(event, false)).toBe(true);
});

test('events of before are known by their times where a window has other rules since', () => {
  const event = { id: 'a', lane: 0, atMs: 1_000 };
  for (const [before, since] of [
    [10, 1_000],
    [1_000, 10],
  ] as const) {
    const idsOf = (ms: number) =>
      new EventIds({ apartMsMax: ms, behindMsMax: ms, bucketMs: 1, lanes });
    const old = idsOf(before);
    old.remember(event);
    const ids = idsOf(since);
    for (const segment of old.takeFresh()) ids.restore(1, segment);
    expect(ids.isKnown(event, false)).toBe(true);
    expect(ids.isKnown({ ...event, atMs: event.atMs + since }, false)).toBe(true);
    expect(ids.isKnown({ ...event, atMs: event.atMs + since + 1 }, false)).toBe(false);
  }
});
