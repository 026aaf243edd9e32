import { operate } from '../../client/operate.js';
import type { StarlingClient } from '../../client/client.js';
import { sleep } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { personOf } from '../../core/joining/person-event.js';
import { isKnown, parsePersonReply } from '../../messages/person.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Report } from '../checks/violation.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import { erasedPeopleIn } from '../checks/erased-bytes.js';
import type { MemoryServers } from '../nats/memory-servers.js';

export interface LeaversOptions {
  readonly bus: Bus;
  /** Of somebody who uses the cluster. */
  readonly client: StarlingClient;
  readonly process: SimulatedProcess;
  readonly servers: MemoryServers;
  readonly items: number;
  readonly report: Report;
}

/** What was refused as the world was against it is said again; a defect is not. */
const excusable = ['TIMEOUT', 'UNAVAILABLE', 'NO_RESPONDERS', 'FENCED', 'NOT_OWNER', 'OVERLOADED', 'STORAGE_FULL', 'NOT_READY', 'CONFLICT', 'NOT_FOUND']; // prettier-ignore
/** Each of its steps may wait for two minutes; nothing does, where all is calm in between. */
const eraseMsMax = 240_000;
const deeds = 4;
const pauseMs = 1_500;
const tellMs = 10_000;
/** Longer than anything is late. */
const onItsWayMs = 12_000;

/** How erasures ended, in the coverage. */
export const erasureEnds = [
  'somebody is erased',
  'once more',
  'who comes back is somebody new',
] as const;

/**
 * People who come, do something under a name and as a visitor, want to be forgotten, and never come again; and such as go on. Of the
 * first nothing may be left that is not kept by age, whatever befalls the cluster meanwhile.
 */
export class Leavers {
  /** How often what was asked for was done, by `erasureEnds`. */
  readonly done = new Map<string, number>();
  readonly #options: LeaversOptions;
  #count = 0;
  /** The newest that an erasure has told of itself. */
  #step = '';
  /** Whose erasure was asked for, and not said to be done: since when. */
  readonly #unsure = new Map<string, number>();
  #isSayingAgain = false;
  readonly #gone = new Set<string>();

  constructor(options: LeaversOptions) {
    this.#options = options;
  }

  /** Somebody new comes, and goes for good. */
  leave(): void {
    void this.#visit(`leaver${++this.#count}x`);
  }

  /** Somebody who goes on is to be forgotten up to now. */
  forget(user: string): void {
    void this.#erase(user).then((code) => {
      if (code === 'done') this.#note('who comes back is somebody new');
    });
  }

  /**
   * Once it is calm: whatever was not done is said again. One that was begun before waits for up to a minute for whoever died over it, so
   * only what takes much longer is wrong. @returns what is, in words.
   */
  late(): string | undefined {
    if (!this.#isSayingAgain) void this.#sayAgain();
    const nowMs = this.#options.bus.clock.nowMs();
    const late = [...this.#unsure].find(([, sinceMs]) => nowMs - sinceMs > eraseMsMax);
    return late && `${late[0]} is to be forgotten for ${eraseMsMax} ms, and is not: ${this.#step}`;
  }

  async #sayAgain(): Promise<void> {
    this.#isSayingAgain = true;
    for (const user of [...this.#unsure.keys()])
      if ((await this.#erase(user)) === 'done') this.#note('once more');
    this.#isSayingAgain = false;
  }

  /** @returns where somebody still is who was erased, in words; undefined: nowhere. */
  async wrong(): Promise<string | undefined> {
    const { bus, servers } = this.#options;
    const people = [...this.#gone];
    for (const person of people.flatMap((user) => [user, visitorOf(user)])) {
      const reply = parsePersonReply(
        await operate(bus, 'person', { person, act: 'find' }, () => undefined),
      );
      if (isKnown(reply)) return `${person} was erased, and is known: ${JSON.stringify(reply)}`;
    }
    return erasedPeopleIn(servers, bus.names, people);
  }

  async #visit(user: string): Promise<void> {
    const { client, process, items } = this.#options;
    const { random, clock } = process;
    const visitor = deviceOf(user);
    const item = (): string => `i${random.below(items)}`;
    const tell = async (act: (options: { deadlineMs: number }) => Promise<unknown>) => {
      // He is not heard, then; or who knows.
      await act({ deadlineMs: tellMs }).catch(() => undefined);
      await sleep(clock, random.between(0, pauseMs));
    };
    await tell((options) => client.ingestUsers([{ user, age: 33, nick: user }], options));
    for (let i = 0; i < deeds; i++) {
      const who = random.happens(0.5) ? { user } : { visitor };
      await tell(async (options) => {
        const { requestId, items: shown } = await client.recommend({ ...who, k: 3 }, options);
        const [first] = shown;
        if (first) await client.ingestEvents([{ ...who, type: 'click', item: first.item, requestId }], options); // prettier-ignore
      });
      await tell(
        (options) =>
        client.ingestEvents([{ ...who, type: 'purchase', item: item(), id: random.id(), value: 5 }], options), // prettier-ignore
      );
      if (i === 1) await tell((options) => client.ingestAliases([{ visitor, user }], options));
    }
    // What he said may be on its way: whatever is accepted later is somebody else's.
    await sleep(clock, onItsWayMs);
    await this.#erase(user);
    if (this.#gone.has(user)) this.#note('somebody is erased');
  }

  /** With the device, which nobody uses any more. */
  async #erase(user: string): Promise<string> {
    const isLeaver = user.startsWith('leaver');
    if (isLeaver && !this.#unsure.has(user))
      this.#unsure.set(user, this.#options.bus.clock.nowMs());
    for (const person of isLeaver ? [user, visitorOf(user)] : [user]) {
      const code = await this.#ask(person);
      if (code !== 'done') return code;
    }
    if (!isLeaver) return 'done';
    this.#unsure.delete(user);
    this.#gone.add(user);
    return 'done';
  }

  #ask(person: string): Promise<string> {
    const { bus, report } = this.#options;
    return operate(bus, 'person', { person, act: 'erase' }, ({ text }) => (this.#step = text)).then(
      () => 'done',
      (error: unknown) => {
        const code = codeOf(error);
        if (!excusable.includes(code))
          report('no defect', `an erasure ends with ${code}: ${messageOf(error)}`);
        return code;
      },
    );
  }

  #note(what: (typeof erasureEnds)[number]): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}

function deviceOf(user: string): string {
  return `${user}y`;
}

/** Who he is as a visitor. */
function visitorOf(user: string): string {
  return personOf('', deviceOf(user));
}
