import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { selectExamples } from '../features/example-batch.js';
import {
  actionsOf,
  examplesOf,
  impressionsOf,
  MemoryJoinStore,
  rowsOf,
  shape,
} from './join-events.testkit.js';
import type { ActionRow, ImpressionRow } from './join-events.testkit.js';
import { JoinModel } from './join-window.testkit.js';
import type { ModelSample } from './join-window.testkit.js';
import { JoinWindow } from './join-window.js';
import { decodeClosedSegment, kindOf } from './record-codec.js';
import type { JoinOptions, SampleBatch } from './types.js';

// Few identities and short windows, so that duplicates, late events, forgetting and reuse are all frequent.
const requestId = fc.integer({ min: 0, max: 5 }).map((n) => `r${n}`);
const item = fc.constantFrom('a', 'b');
const offsetMs = fc.integer({ min: -40, max: 10 });
const impression = fc.record({ requestId, item, offsetMs });
const action = fc.record({ requestId, item, offsetMs, label: fc.constantFrom(0, 1) });

type Step =
  | {
      readonly kind: 'impressions';
      readonly rows: { requestId: string; item: string; offsetMs: number }[];
    }
  | {
      readonly kind: 'actions';
      readonly rows: { requestId: string; item: string; offsetMs: number; label: number }[];
    }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'drain' | 'crash' | 'closeAll' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('impressions' as const),
      rows: fc.array(impression, { maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('actions' as const),
      rows: fc.array(action, { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('tick' as const),
      ms: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.integer({ min: -5, max: 40 }),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'drain' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'closeAll' as const }) },
);

const optionsArbitrary: fc.Arbitrary<JoinOptions> = fc.record({
  windowMs: fc.integer({ min: 1, max: 30 }),
  allowedLatenessMs: fc.integer({ min: 0, max: 15 }),
  copiesMs: fc.integer({ min: 0, max: 8 }),
  negativeRate: fc.constantFrom(0, 0.5, 1),
  memoryOpenMax: fc.constantFrom(0, 1, 3, 1000),
  bucketMs: fc.constant(1),
  slotCount: fc.constant(shape.slotCount),
  denseCount: fc.constant(shape.denseCount),
});

/** The window with its store beside the model; every drain is committed and compared. */
class Schedule {
  readonly #options: JoinOptions;
  readonly #store = new MemoryJoinStore();
  readonly #model: JoinModel;
  #committed;
  #window: JoinWindow;
  #nowMs = 1000;
  readonly #emitted: ModelSample[] = [];

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#model = new JoinModel(options);
    this.#committed = this.#model.save();
    this.#window = new JoinWindow(options, this.#store);
  }

  run(step: Step): void {
    switch (step.kind) {
      case 'impressions':
        return this.#impressions(
          step.rows.map((row) => ({ ...row, atMs: this.#nowMs + row.offsetMs })),
        );
      case 'actions':
        return this.#actions(
          step.rows.map((row) => ({
            ...row,
            atMs: this.#nowMs + row.offsetMs,
            acceptedAtMs: this.#nowMs,
          })),
        );
      case 'tick':
        this.#nowMs += step.ms;
        return;
      case 'advance':
        this.#window.advance(this.#nowMs + step.ms);
        this.#model.advance(this.#nowMs + step.ms);
        return;
      case 'closeAll':
        this.#window.closeAll();
        this.#model.closeAll();
        return;
      case 'drain':
        return this.#drain();
      case 'crash':
        return this.#crash();
    }
  }

  /** Sums over everything that was ever committed agree with the counters. */
  finish(): void {
    this.#drain();
    const count = (label: number) =>
      this.#emitted.filter((sample) => sample.label === label).length;
    const c = this.#window.counters;
    expect([count(1), count(0)]).toEqual([c.positives, c.negatives]);
    expect(c.impressions).toBe(
      c.positives + c.negatives + c.negativesDropped + c.lateImpressions + c.open,
    );
  }

  #impressions(rows: ImpressionRow[]): void {
    this.#window.observeImpressions(impressionsOf(rows));
    for (const row of rows) this.#model.impression(row);
  }

  #actions(rows: Required<ActionRow>[]): void {
    this.#window.observeActions(actionsOf(rows));
    for (const row of rows) this.#model.action(row);
  }

  #drain(): void {
    const { samples, deadLetters, changes } = this.#window.drain();
    const expected = this.#model.drain();
    expect(byText(modelRowsOf(samples))).toEqual(byText(expected.samples));
    expect(samples.examples).toEqual(examplesOf(rowsOf(samples)));
    const letters = deadLetters.map(
      (letter) => `${letter.code} ${letter.requestId} ${letter.item}`,
    );
    expect(letters.sort()).toEqual(expected.deadLetters.sort());
    expect(this.#window.counters).toEqual(this.#model.counters);
    expect(this.#window.watermarkMs).toBe(this.#model.watermarkMs);
    this.#emitted.push(...expected.samples);
    this.#store.commit(changes);
    this.#committed = this.#model.save();
    this.#checkStore();
  }

  /** The store holds exactly the state: no row too many, none too few. */
  #checkStore(): void {
    const records = this.#store.records;
    const { open, heldActions } = this.#window.counters;
    expect(records.filter(({ bytes }) => kindOf(bytes) === 1)).toHaveLength(open);
    expect(records.filter(({ bytes }) => kindOf(bytes) === 2)).toHaveLength(heldActions);
    const segments = records.filter(({ bytes }) => kindOf(bytes) === 3);
    const closed = segments.flatMap(({ bytes }) => decodeClosedSegment(bytes).keys);
    expect(closed).toHaveLength(this.#committed.closed.size);
  }

  #crash(): void {
    this.#window = new JoinWindow(this.#options, this.#store);
    this.#model.restore(this.#committed);
    const { progress } = this.#store;
    if (progress !== undefined) this.#window.restore({ progress, records: this.#store.records });
  }
}

function modelRowsOf(samples: SampleBatch): ModelSample[] {
  return samples.requestIds.map((requestId, i) => ({
    requestId,
    item: samples.items[i]!,
    label: samples.labels[i]!,
    sampleRate: samples.sampleRates[i]!,
    atMs: samples.atMs[i]!,
    acceptedAtMs: samples.acceptedAtMs[i]!,
  }));
}

function byText(samples: ModelSample[]): ModelSample[] {
  return [...samples].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe('JoinWindow against its model', () => {
  test('any schedule of reordered, repeated and late events with crashes gives what the rules say', () => {
    fc.assert(
      fc.property(optionsArbitrary, fc.array(step, { maxLength: 60 }), (options, steps) => {
        const schedule = new Schedule(options);
        for (const each of steps) schedule.run(each);
        schedule.finish();
      }),
      { numRuns: runs(100) },
    );
  });

  test('order within the lateness and redelivery change no sample', () => {
    const options: JoinOptions = {
      windowMs: 100,
      allowedLatenessMs: 50,
      copiesMs: 0,
      negativeRate: 1,
      ...shape,
    };
    const identities = Array.from({ length: 20 }, (_, i) => ({
      requestId: `r${i >> 1}`,
      item: `i${i & 1}`,
      atMs: 1000 + i,
    }));
    const clicks = identities
      .filter((_, i) => i % 3 === 0)
      .map((row) => ({ ...row, atMs: row.atMs + 10 }));
    const events = [
      ...identities.map((row) => ({ row, isClick: false })),
      ...clicks.map((row) => ({ row, isClick: true })),
    ];
    const labelsOf = (order: typeof events, drainEvery: number): unknown => {
      const window = new JoinWindow(options);
      const rows: unknown[] = [];
      order.forEach(({ row, isClick }, i) => {
        if (isClick) window.observeActions(actionsOf([row]));
        else window.observeImpressions(impressionsOf([row]));
        if (i % drainEvery === 0) rows.push(...rowsOf(window.drain().samples));
      });
      window.closeAll();
      rows.push(...rowsOf(window.drain().samples));
      return rows.map((row) => JSON.stringify(row)).sort();
    };
    const expected = labelsOf(events, 1000);
    const deliveries = fc.shuffledSubarray([...events, ...events], {
      minLength: 2 * events.length,
    });
    fc.assert(
      fc.property(deliveries, fc.integer({ min: 1, max: 40 }), (order, drainEvery) => {
        expect(labelsOf(order, drainEvery)).toEqual(expected);
      }),
      { numRuns: runs(50) },
    );
  });

  test('copies of an impression that are as far apart as copies may be are learned once, however late they come', () => {
    const copy = fc.record({
      id: fc.integer({ min: 0, max: 5 }),
      apartMs: fc.integer({ min: 0, max: 20 }),
      waitsMs: fc.integer({ min: 0, max: 200 }),
      clicked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(copy, { minLength: 2, maxLength: 40 }), (copies) => {
        const timing = { windowMs: 30, allowedLatenessMs: 10, copiesMs: 20 };
        const window = new JoinWindow({ ...timing, negativeRate: 1, ...shape });
        const arrivals = copies
          .map(({ id, apartMs, waitsMs, clicked }) => {
            const atMs = 1000 + 20 * id + apartMs;
            return { requestId: `r${id}`, item: 'x', atMs, clicked, comesAtMs: atMs + waitsMs };
          })
          .sort((a, b) => a.comesAtMs - b.comesAtMs);
        const learned: string[] = [];
        for (const { comesAtMs, clicked, ...row } of arrivals) {
          window.advance(comesAtMs - timing.allowedLatenessMs);
          window.observeImpressions(impressionsOf([row]));
          if (clicked) window.observeActions(actionsOf([row]));
          learned.push(...window.drain().samples.requestIds);
        }
        window.closeAll();
        learned.push(...window.drain().samples.requestIds);
        expect(learned).toHaveLength(new Set(learned).size);
      }),
      { numRuns: runs(300) },
    );
  });

  test('rows keep their own features when they close in another order than they opened', () => {
    const options: JoinOptions = {
      windowMs: 100,
      allowedLatenessMs: 0,
      copiesMs: 0,
      negativeRate: 1,
      ...shape,
    };
    const rows = Array.from({ length: 12 }, (_, i) => ({
      requestId: `r${i}`,
      item: 'x',
      atMs: 1000 + i,
    }));
    const order = fc.shuffledSubarray(rows, { minLength: rows.length });
    fc.assert(
      fc.property(order, fc.boolean(), (closing, drainsBetween) => {
        const window = new JoinWindow(options);
        window.observeImpressions(impressionsOf(rows));
        if (drainsBetween) window.drain();
        window.observeActions(actionsOf(closing));
        const { examples } = window.drain().samples;
        const indices = closing.map(({ requestId }) =>
          rows.findIndex((row) => row.requestId === requestId),
        );
        expect(examples).toEqual(selectExamples(examplesOf(rows), indices));
      }),
      { numRuns: runs(50) },
    );
  });
});

describe('a window that is advanced after every batch', () => {
  const event = fc.record({
    offsetMs: fc.integer({ min: -20, max: 5 }),
    late: fc.integer({ min: 0, max: 12 }),
    label: fc.constantFrom(0, 1),
    acts: fc.boolean(),
    drain: fc.boolean(),
    crash: fc.boolean(),
  });

  /** Each impression has a request id of its own, as in life; some actions come batches later. */
  function samplesOf(
    events: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[],
    options: JoinOptions,
    how: { readonly drains: boolean; readonly crashes: boolean },
  ): string[] {
    const store = new MemoryJoinStore();
    let window = new JoinWindow(options, store);
    const samples: string[] = [];
    const drain = () => {
      const output = window.drain();
      store.commit(output.changes);
      samples.push(...rowsOf(output.samples).map((row) => JSON.stringify(row)));
    };
    const batches: { impressions: ImpressionRow[]; actions: ActionRow[] }[] = events.map(() => ({
      impressions: [],
      actions: [],
    }));
    events.forEach(({ offsetMs, late, label, acts }, i) => {
      const row = { requestId: `r${i}`, item: 'a', atMs: 1000 + 4 * i + offsetMs };
      batches[i]!.impressions.push(row);
      const at = batches[Math.min(i + late, events.length - 1)]!;
      if (acts) at.actions.push({ ...row, label, atMs: row.atMs + late, acceptedAtMs: 1 });
    });
    batches.forEach(({ impressions, actions }, i) => {
      window.observeImpressions(impressionsOf(impressions));
      window.advance();
      window.observeActions(actionsOf(actions));
      window.advance();
      if (how.drains && events[i]!.drain) drain();
      if (how.crashes && events[i]!.crash) {
        drain();
        window = new JoinWindow(options, store);
        window.restore({ progress: store.progress!, records: store.records });
      }
    });
    window.closeAll();
    drain();
    return samples;
  }

  test('gives the same samples in the same order, however it is drained and restored', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), optionsArbitrary, (events, options) => {
        const once = samplesOf(events, options, { drains: false, crashes: false });
        expect(samplesOf(events, options, { drains: true, crashes: false })).toEqual(once);
        expect(samplesOf(events, options, { drains: true, crashes: true })).toEqual(once);
      }),
    );
  });
});
