import { expect } from '@jest/globals';
import fc from 'fast-check';
import type {
  JoinLogRecord,
  Lane,
  Offer,
  PersonEvent,
  PersonJoinOptions,
} from './person-join-records.testkit.js';

/** What a record in the log of a partition is: of people, or of another partition in the words of whoever joins. */
export type LogRecord<Sent> = Exclude<JoinLogRecord, { kind: 'sent' }> | Sent;

/** One partition: on paper, or real. */
export interface Joiner<Sent> {
  take(record: LogRecord<Sent>): JoinerOutput<Sent>;
  /** All that it must not forget. */
  save(): unknown;
  restore(saved: unknown): void;
}

export interface JoinerOutput<Sent> {
  readonly samples: readonly string[];
  readonly activity: readonly string[];
  readonly sent: readonly { readonly to: number; readonly record: Sent }[];
}

const partitions = 3;
const people = ['u0', 'u1', 'v0', 'v1', 'v2', 'u2'];
export const options: PersonJoinOptions = {
  outcomes: [
    { name: 'view', from: ['view', 'cart', 'purchase'], windowMs: 12 },
    { name: 'purchase', from: ['purchase'], windowMs: 30, given: 'view', earlyMs: 15 },
    { name: 'cart', from: ['cart'], windowMs: 20, earlyMs: 6 },
    { name: 'spent', from: ['purchase'], windowMs: 30, sums: true },
  ],
  events: {
    ...{ view: {}, cart: {}, purchase: {}, other: {} },
    ...{ refund: { undoes: 'purchase' }, dismiss: { negative: true } },
  },
  latenessMs: 4,
  organicWaitMs: 2,
  copiesMs: 5,
  negativeRate: 0.5,
  organic: true,
  partitions,
  homeOf: (person) => people.indexOf(person) % partitions,
};

const lane = fc.constantFrom<Lane>('live', 'live', 'live', 'import');
const person = fc.constantFrom(...people);
const doer = fc.constantFrom(...people, '');
const item = fc.constantFrom('a', 'b', 'c');
const offsetMs = fc.integer({ min: -6, max: 2 });
const request = fc.integer({ min: 0, max: 4 });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ kind: fc.constant('offer' as const), lane, person, offsetMs },
      items: fc.uniqueArray(item, { minLength: 1, maxLength: 2 }),
      log: fc.constantFrom<Offer['log']>('all', 'all', 'shown', 'shown', 'ignored'),
      /** Its id does not say where it is. */
      isForeign: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('event' as const), lane, person: doer, item, offsetMs },
      type: fc.constantFrom(...Object.keys(options.events)),
      /** Of which of the last requests; undefined: of none. */
      of: fc.option(request, { nil: undefined }),
      order: fc.constantFrom('o1', 'o2'),
      isRepeated: fc.boolean(),
    }),
  },
  /** An offer comes again: a request that was asked twice was answered twice. */
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), of: request }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shown' as const), of: request, item }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('alias' as const), lane },
      visitor: fc.constantFrom('v0', 'v1', 'v2'),
      user: fc.constantFrom('u0', 'u1'),
      offsetMs,
    }),
  },
  /** Two accounts of one user, in any direction, also in a circle. */
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('alias' as const), lane },
      visitor: fc.constantFrom('u0', 'u1', 'u2'),
      user: fc.constantFrom('u0', 'u1', 'u2'),
      offsetMs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('erase' as const),
      person,
      offsetMs,
      isUp: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), at: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('save' as const), at: fc.nat(2) }) },
  /** One partition takes what is in its log; else all do after a while. */
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), at: fc.nat(2) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

export const steps = fc.array(step, { maxLength: 80, size: 'max' });

/** Partitions, their logs, and who puts into them what people do. */
export class World<Sent> {
  readonly #crashes: boolean;
  readonly logs: LogRecord<Sent>[][] = Array.from({ length: partitions }, () => []);
  readonly outputs: string[][] = Array.from({ length: partitions }, () => []);
  readonly joins: Joiner<Sent>[];
  readonly #join: (partition: number) => Joiner<Sent>;
  readonly #read = this.logs.map(() => 0);
  readonly #saved: { state: unknown; at: number }[];
  readonly #requests: { id: string; partition: number; lane: Lane }[] = [];
  readonly #offers: { partition: number; record: LogRecord<Sent> }[] = [];
  eventCount = 0;
  #nowMs = 1_000;

  constructor(join: (partition: number) => Joiner<Sent>, crashes: boolean) {
    this.#join = join;
    this.#crashes = crashes;
    this.joins = this.logs.map((_log, partition) => join(partition));
    this.#saved = this.joins.map((each) => ({ state: each.save(), at: 0 }));
  }

  run(steps: readonly Step[]): void {
    for (const each of steps) this.#do(each);
    this.end();
  }

  /** All that is to come of it comes. */
  end(): void {
    for (const name of ['live', 'import'] as const)
      this.#everywhere({ kind: 'clock', lane: name, atMs: this.#nowMs + 1_000 });
    this.#readAll();
  }

  #do(next: Step): void {
    switch (next.kind) {
      case 'offer': {
        const partition = options.homeOf(next.person);
        const requestId = `r${this.#requests.length}`;
        // Who looks for it by its name looks there.
        const sought = next.isForeign ? (partition + 1) % partitions : partition;
        this.#requests.push({ id: requestId, partition: sought, lane: next.lane });
        const atMs = this.#nowMs + next.offsetMs;
        const { lane: its, person: who, items, log } = next;
        if (next.isForeign)
          this.logs[sought]!.push({
            ...{ kind: 'pointer', lane: its, requestId, items, atMs, to: partition },
          });
        const offer = { kind: 'impression', lane: its, person: who, items, log } as const;
        const record = { ...offer, requestId, atMs };
        this.#offers.push({ partition, record });
        return void this.logs[partition]!.push(record);
      }
      case 'again': {
        const offer = this.#offers.at(-1 - next.of);
        if (offer) this.logs[offer.partition]!.push(offer.record);
        return;
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
        return this.#becomes(next);
      case 'erase':
        return this.erase(next.person, next.isUp, this.#nowMs + next.offsetMs);
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

  #becomes({ lane: its, visitor, user, offsetMs }: Step & { kind: 'alias' }): void {
    const atMs = this.#nowMs + offsetMs;
    const alias = { kind: 'alias', lane: its, visitor, user, atMs } as const;
    this.logs[options.homeOf(visitor)]!.push(alias);
  }

  /** Everybody, of all times that there have been. */
  runAndErase(steps: readonly Step[]): void {
    for (const each of steps) this.#do(each);
    for (const each of people) this.erase(each, true, this.#nowMs + 1_000);
    this.#readAll();
  }

  erase(who: string, isUp: boolean, atMs: number): void {
    this.#everywhere({ kind: 'erase', person: who, isUp, atMs });
  }

  #event(next: Step & { kind: 'event' }): void {
    const of = next.of === undefined ? undefined : this.#requests.at(-1 - next.of);
    const id = `e${this.eventCount++}`;
    const { lane: its, type, item: what, order } = next;
    // Who names no request says who he is.
    const who = of || next.person !== '' ? next.person : people[0]!;
    const event: PersonEvent = {
      ...{ kind: 'event', lane: of?.lane ?? its, id, type, person: who, item: what, order },
      ...{ value: 1 + (this.eventCount % 7), atMs: this.#nowMs + next.offsetMs },
      drawn: ['x', 'y'],
      isIgnored: this.eventCount % 11 === 0,
      ...(of ? { requestId: of.id } : {}),
    };
    const log = this.logs[of?.partition ?? options.homeOf(who)]!;
    log.push(event);
    if (next.isRepeated) log.push(event);
  }

  #everywhere(record: LogRecord<Sent>): void {
    for (const log of this.logs) log.push(record);
  }

  #take(partition: number, end: number): void {
    while (this.#read[partition]! < end) {
      const at = this.#read[partition]!++;
      const output = this.joins[partition]!.take(this.logs[partition]![at]!);
      this.outputs[partition]!.push(saidIn(output));
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
    const join = this.#join(partition);
    join.restore(state);
    this.joins[partition] = join;
    for (let i = at; i < this.#read[partition]!; i++) {
      const output = join.take(this.logs[partition]![i]!);
      expect(saidIn(output)).toBe(this.outputs[partition]![i]);
      for (const { to, record } of output.sent) this.logs[to]!.push(record);
    }
  }
}

/** What came of a record, but for what it sent, which only others see. */
export function saidIn<Sent>({ samples, activity }: JoinerOutput<Sent>): string {
  return JSON.stringify({ samples, activity });
}

const nothing = saidIn({ samples: [], activity: [], sent: [] });

/** By partition, all that came out of it, without the records of which nothing came. */
export function saidBy<Sent>({ outputs }: World<Sent>): string[][] {
  return outputs.map((each) => each.filter((text) => text !== nothing));
}

export function runOf<Sent>(
  join: (partition: number) => Joiner<Sent>,
  script: readonly Step[],
  crashes: boolean,
): World<Sent> {
  const world = new World(join, crashes);
  world.run(script);
  return world;
}
