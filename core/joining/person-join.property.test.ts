import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import type {
  JoinLogRecord,
  Lane,
  PaperOutput,
  PersonEvent,
  PersonJoinOptions,
} from './person-join-records.testkit.js';
import { PersonJoin } from './person-join.testkit.js';

const partitions = 3;
const people = ['u0', 'u1', 'v0', 'v1', 'v2'];
const options: PersonJoinOptions = {
  outcomes: [
    { name: 'view', from: ['view', 'cart', 'purchase'], windowMs: 12 },
    { name: 'purchase', from: ['purchase'], windowMs: 30, given: 'view' },
    { name: 'spent', from: ['purchase'], windowMs: 30, sums: true },
  ],
  events: {
    ...{ view: {}, cart: {}, purchase: {}, other: {} },
    ...{ refund: { undoes: 'purchase' }, dismiss: { negative: true } },
  },
  latenessMs: 4,
  copiesMs: 5,
  negativeRate: 0.5,
  organic: true,
  homeOf: (person) => people.indexOf(person) % partitions,
};

const lane = fc.constantFrom<Lane>('live', 'live', 'live', 'import');
const person = fc.constantFrom(...people);
const item = fc.constantFrom('a', 'b', 'c');
const offsetMs = fc.integer({ min: -6, max: 2 });
const request = fc.integer({ min: 0, max: 4 });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ kind: fc.constant('offer' as const), lane, person, offsetMs },
      items: fc.uniqueArray(item, { minLength: 1, maxLength: 2 }),
      log: fc.constantFrom('all' as const, 'shown' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('event' as const), lane, person, item, offsetMs },
      type: fc.constantFrom(...Object.keys(options.events)),
      /** Of which of the last requests; undefined: of none. */
      of: fc.option(request, { nil: undefined }),
      order: fc.constantFrom('o1', 'o2'),
      isRepeated: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shown' as const), of: request, item }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('alias' as const),
      visitor: fc.constantFrom('v0', 'v1', 'v2'),
      user: fc.constantFrom('u0', 'u1'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), person }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), at: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('save' as const), at: fc.nat(2) }) },
  /** One partition takes what is in its log; else all do after a while. */
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), at: fc.nat(2) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Partitions, their logs, and who puts into them what people do. */
class World {
  readonly #crashes: boolean;
  readonly logs: JoinLogRecord[][] = Array.from({ length: partitions }, () => []);
  readonly outputs: string[][] = Array.from({ length: partitions }, () => []);
  readonly joins = this.logs.map((_, partition) => new PersonJoin(partition, options));
  readonly #read = this.logs.map(() => 0);
  readonly #saved = this.joins.map((join) => ({ state: join.save(), at: 0 }));
  readonly #requests: { id: string; partition: number; lane: Lane }[] = [];
  readonly eventIds: string[] = [];
  #nowMs = 1_000;

  constructor(crashes: boolean) {
    this.#crashes = crashes;
  }

  run(steps: readonly Step[]): void {
    for (const each of steps) this.#do(each);
    for (const name of ['live', 'import'] as const)
      this.#everywhere({ kind: 'clock', lane: name, atMs: this.#nowMs + 1_000 });
    this.#readAll();
  }

  #do(next: Step): void {
    switch (next.kind) {
      case 'offer': {
        const partition = options.homeOf(next.person);
        const requestId = `r${this.#requests.length}`;
        this.#requests.push({ id: requestId, partition, lane: next.lane });
        const atMs = this.#nowMs + next.offsetMs;
        const { lane: its, person: who, items, log } = next;
        const offer = { kind: 'impression', lane: its, person: who, items, log } as const;
        return void this.logs[partition]!.push({ ...offer, requestId, atMs });
      }
      case 'event':
        return this.#event(next);
      case 'shown': {
        const of = this.#requests.at(-1 - next.of);
        if (!of) return;
        const { id: requestId, partition, lane: its } = of;
        const shown = { kind: 'shown', lane: its, requestId, atMs: this.#nowMs } as const;
        return void this.logs[partition]!.push({ ...shown, items: [next.item] });
      }
      case 'alias':
        return void this.logs[options.homeOf(next.visitor)]!.push(next);
      case 'erase':
        return void this.logs[options.homeOf(next.person)]!.push(next);
      case 'tick':
        this.#nowMs += next.ms;
        return this.#everywhere({ kind: 'clock', lane: 'live', atMs: this.#nowMs - 10 });
      case 'read':
        return this.#take(next.at, this.logs[next.at]!.length);
      case 'save': {
        const state = this.joins[next.at]!.save();
        this.#saved[next.at] = { state, at: this.#read[next.at]! };
        return;
      }
      case 'crash':
        return this.#crashes ? this.#crash(next.at) : undefined;
    }
  }

  #event(next: Step & { kind: 'event' }): void {
    const of = next.of === undefined ? undefined : this.#requests.at(-1 - next.of);
    const id = `e${this.eventIds.length}`;
    this.eventIds.push(id);
    const { lane: its, type, item: what, order, person: who } = next;
    const event: PersonEvent = {
      ...{ kind: 'event', lane: of?.lane ?? its, id, type, person: who, item: what, order },
      ...{ value: 1 + (this.eventIds.length % 7), atMs: this.#nowMs + next.offsetMs },
      drawn: ['x', 'y'],
      ...(of ? { requestId: of.id } : {}),
    };
    const log = this.logs[of?.partition ?? options.homeOf(who)]!;
    log.push(event);
    if (next.isRepeated) log.push(event);
  }

  #everywhere(record: JoinLogRecord): void {
    for (const log of this.logs) log.push(record);
  }

  #take(partition: number, end: number): void {
    while (this.#read[partition]! < end) {
      const at = this.#read[partition]!++;
      const output = this.joins[partition]!.take(this.logs[partition]![at]!);
      this.outputs[partition]!.push(textOf(output));
      for (const { to, record } of output.sent) this.logs[to]!.push(record);
    }
  }

  #readAll(): void {
    const isDone = (): boolean => this.logs.every(({ length }, i) => this.#read[i] === length);
    while (!isDone())
      for (const partition of this.logs.keys()) this.#take(partition, this.logs[partition]!.length);
  }

  /** Made anew from what was saved: what it has read since it reads again, and sends again what it has sent. */
  #crash(partition: number): void {
    const { state, at } = this.#saved[partition]!;
    const join = new PersonJoin(partition, options);
    join.restore(state);
    this.joins[partition] = join;
    for (let i = at; i < this.#read[partition]!; i++) {
      const output = join.take(this.logs[partition]![i]!);
      expect(textOf(output)).toBe(this.outputs[partition]![i]);
      for (const { to, record } of output.sent) this.logs[to]!.push(record);
    }
  }
}

function textOf({ samples, activity, sent }: PaperOutput): string {
  return JSON.stringify({ samples, activity, sent });
}

const nothing = textOf({ samples: [], activity: [], sent: [] });
const saidBy = ({ outputs }: World): string[][] =>
  outputs.map((each) => each.filter((text) => text !== nothing));

function runOf(steps: readonly Step[], crashes: boolean): World {
  const world = new World(crashes);
  world.run(steps);
  return world;
}

const steps = fc.array(step, { maxLength: 80, size: 'max' });

describe('the join of people, on paper', () => {
  test('says the same from the beginning, from a snapshot, and after any crash', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const straight = runOf(script, false);
        // What was sent twice is there twice, and says nothing.
        const crashed = runOf(script, true);
        expect(saidBy(crashed)).toEqual(saidBy(straight));
        expect(crashed.joins.map(({ books }) => books)).toEqual(
          straight.joins.map(({ books }) => books),
        );
        for (const [partition, log] of crashed.logs.entries()) {
          const anew = new PersonJoin(partition, options);
          expect(log.map((record) => textOf(anew.take(record)))).toEqual(
            crashed.outputs[partition],
          );
        }
      }),
      { numRuns: runs(150) },
    );
  });

  test('keeps books that balance, of events and of each outcome, over all partitions', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { joins } = runOf(script, true);
        const sums = { sent: 0, received: 0 };
        const outcomes = Object.fromEntries(
          options.outcomes.map(({ name }) => [name, { sent: 0, received: 0 }]),
        );
        for (const { books, waiting } of joins) {
          expect(books.events + books.eventsIn).toBe(
            books.copies +
              books.joined +
              books.again +
              books.organic +
              books.historyOnly +
              books.eventsOut +
              books.eventsErased +
              waiting.events,
          );
          sums.sent += books.eventsOut;
          sums.received += books.eventsIn;
          for (const { name } of options.outcomes) {
            const of = books.outcomes[name]!;
            expect(books.rows - books.lateRows + of.rowsIn).toBe(
              of.known +
                of.dropped +
                of.notGiven +
                of.notSeen +
                of.erased +
                of.moved +
                waiting.outcomes[name]!,
            );
            outcomes[name]!.sent += of.moved;
            outcomes[name]!.received += of.rowsIn;
          }
        }
        for (const { sent, received } of [sums, ...Object.values(outcomes)])
          expect(received).toBe(sent);
      }),
      { numRuns: runs(150) },
    );
  });

  test('tells of each event once, and learns each outcome of a row at most once', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { outputs, eventIds } = runOf(script, true);
        const all = outputs.flat().map((text) => JSON.parse(text) as PaperOutput);
        const told = all.flatMap(({ activity }) => activity.filter((line) => / e\d+$/.test(line)));
        expect(told.map((line) => line.split(' ').at(-1)!).sort()).toEqual([...eventIds].sort());
        const learned = all
          .flatMap(({ samples }) => samples)
          .filter(({ requestId }) => requestId !== undefined)
          .flatMap(({ requestId, item: what, labels }) =>
            Object.keys(labels).map((name) => `${requestId} ${what} ${name}`),
          );
        expect(learned).toHaveLength(new Set(learned).size);
      }),
      { numRuns: runs(150) },
    );
  });
});
