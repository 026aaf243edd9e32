import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { codeOf } from '../../core/base/errors.js';
import { names } from '../../messages/default-names.testkit.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { anything } from '../../runtime/neighbours/neighbours-contract.testkit.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess } from '../time/simulated-process.js';
import { VirtualTime } from '../time/virtual-time.js';
import { MemoryBus } from './memory-bus.js';
import { neighboursIn } from './memory-neighbours.js';
import { MemoryServers } from './memory-servers.js';
import { Network } from './network.js';

const home = 'east';
/** Of them, the last is in another process. */
const members = 4;
const timeoutMs = 2_000;
const member = fc.integer({ min: 0, max: members - 1 });

/** Mostly messages: what else happens changes their ways. */
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ask: fc.oneof(
        fc.constant('group'),
        member.map((i) => `solo.${i}`),
      ),
      from: member,
      repeated: fc.integer({ min: 0, max: 19 }).map((each) => each === 19),
    }),
  },
  { weight: 2, arbitrary: fc.record({ notice: member, from: member }) },
  { weight: 2, arbitrary: fc.record({ pass: fc.constantFrom(0, 1, 5, 60, 1_100) }) },
  { weight: 1, arbitrary: fc.record({ room: fc.constantFrom(0, 2, Infinity), of: member }) },
  { weight: 1, arbitrary: fc.record({ toggle: member }) },
  { weight: 1, arbitrary: fc.record({ hangMs: fc.constantFrom(10, 100, 900) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Who serves what, with all that each has heard, and when. */
class Member {
  readonly bus: Bus;
  readonly heard: { readonly from: number; readonly number: number }[] = [];
  room = Infinity;
  /** Messages it has sent. */
  sent = 0;
  #solo: Stoppable | undefined;
  /** What was handed over to it after it had left. */
  late = 0;
  readonly #index: number;

  constructor(bus: Bus, index: number) {
    this.bus = bus;
    this.#index = index;
    bus.serve('group', { queue: 'all', room: () => this.room }, (body) => this.#take(body));
    bus.subscribe(`notice.${index}`, (body) => void this.#take(body));
    this.toggle();
  }

  toggle(): void {
    const solo = this.#solo;
    if (solo) {
      this.#solo = undefined;
      void solo.stop();
      return;
    }
    let isOver = false;
    const served = this.bus.serve(`solo.${this.#index}`, { room: () => this.room }, (body) => {
      if (isOver) this.late++;
      return this.#take(body);
    });
    this.#solo = { stop: () => served.stop().then(() => void (isOver = true)) };
  }

  body(): Uint8Array {
    return new TextEncoder().encode(`${this.#index} ${this.sent++}`);
  }

  #take(body: Uint8Array): Uint8Array {
    const [from, number] = new TextDecoder().decode(body).split(' ').map(Number);
    this.heard.push({ from: from!, number: number! });
    return new TextEncoder().encode(String(number));
  }
}

interface Outcome {
  readonly code: string;
  readonly tookMs: number;
}

function world(seed: number) {
  const time = new VirtualTime();
  const random = new SeededRandom(seed);
  const network = new Network(time, random.child(1));
  const servers = new MemoryServers({
    ...{ time, network, random: random.child(2) },
    dataCenters: [home],
  });
  const onCrash = (error: unknown): never => {
    throw error;
  };
  const processes = [3, 4].map(
    (stream) =>
      new SimulatedProcess(time, { name: `p${stream}`, random: random.child(stream), onCrash }),
  );
  const all = Array.from({ length: members }, (_unused, i) => {
    const process = processes[i === members - 1 ? 1 : 0]!;
    const bus = new MemoryBus({ servers, process, names, dataCenters: [home] });
    return new Member(neighboursIn(process, servers).join(bus, anything), i);
  });
  return { time, servers, all };
}

async function live(seed: number, commands: readonly Command[]) {
  const { time, servers, all } = world(seed);
  const outcomes: Outcome[] = [];
  let asked = 0;
  const act = async (each: Command): Promise<void> => {
    if ('ask' in each) {
      const { bus } = all[each.from]!;
      const startMs = bus.clock.nowMs();
      const tell = (code: string): void =>
        void outcomes.push({ code, tookMs: bus.clock.nowMs() - startMs });
      asked++;
      const body = all[each.from]!.body();
      const number = new TextDecoder().decode(body).split(' ')[1];
      void bus.request(each.ask, body, { timeoutMs, repeated: each.repeated }).then(
        (answer) => tell(new TextDecoder().decode(answer) === number ? 'answered' : 'WRONG'),
        (error: unknown) => tell(codeOf(error)),
      );
    } else if ('notice' in each) {
      all[each.from]!.bus.publish(`notice.${each.notice}`, all[each.from]!.body());
    } else if ('pass' in each) await time.pass(each.pass);
    else if ('room' in each) all[each.of]!.room = each.room;
    else if ('toggle' in each) all[each.toggle]!.toggle();
    else {
      servers.hang(home);
      time.after(each.hangMs, () => servers.wake(home));
    }
  };
  await time.pass(100);
  for (const each of commands) await act(each);
  await time.pass(10_000);
  return { all, asked, outcomes };
}

describe('neighbours, with others and servers between them', () => {
  test('hear each sender in his order, whichever way, and every request has one end in time', async () => {
    let direct = 0;
    let overServer = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(command, { minLength: 5, maxLength: 120 }),
        async (seed, commands) => {
          const { all, asked, outcomes } = await live(seed, commands);
          for (const { heard, late } of all) {
            expect(late).toBe(0);
            for (let from = 0; from < members; from++) {
              const numbers = heard.filter((each) => each.from === from).map((each) => each.number);
              // In order, and none twice.
              expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
            }
          }
          expect(outcomes.length).toBe(asked);
          const codes = new Set(outcomes.map(({ code }) => code));
          for (const code of codes)
            expect(['answered', 'TIMEOUT', 'NO_RESPONDERS']).toContain(code);
          expect(Math.max(0, ...outcomes.map(({ tookMs }) => tookMs))).toBeLessThan(timeoutMs + 5);
          for (const { bus } of all) {
            direct += bus.calls?.direct ?? 0;
            overServer += bus.calls?.overServer ?? 0;
          }
        },
      ),
      { numRuns: runs(100) },
    );
    // Both ways were gone often, or it says nothing.
    expect(Math.min(direct, overServer)).toBeGreaterThan(100);
  }, 60_000);
});
