import type { StarlingClient } from '../../client/client.js';
import type { EventInput } from '../../client/ingest.js';
import type { Recommendation } from '../../client/replies.js';
import { every, sleep } from '../../core/base/clock.js';
import { codeOf } from '../../core/base/errors.js';
import type { SimulatedProcess } from '../time/simulated-process.js';

export interface AudienceOptions {
  readonly process: SimulatedProcess;
  readonly client: StarlingClient;
  readonly users: number;
  readonly items: number;
  /** Between two requests, milliseconds. */
  readonly everyMs: number;
}

type What = 'recommend' | 'tell';
type Who = { readonly user: string } | { readonly visitor: string; readonly user?: string };

/** What an event is known by: its id, or its request and item. */
export function toldKey({
  id,
  requestId,
  item,
}: Pick<EventInput, 'id' | 'requestId' | 'item'>): string {
  return id === undefined ? `${requestId}, ${item}` : `${id}`;
}

/** What became of something that was asked. */
export interface Outcome {
  readonly what: What;
  /** `ok`, or what it was refused with. */
  readonly code: string;
  readonly tookMs: number;
  readonly limitMs: number;
}

/** An answer that was none, or not a whole one. */
interface Trouble {
  readonly askedMs: number;
  readonly text: string;
}

interface UnderWay {
  readonly what: What;
  readonly sinceMs: number;
}

/** Milliseconds; events are told until they are taken, within reason. */
const limitMs: Readonly<Record<What, number>> = { recommend: 3_000, tell: 60_000 };
const slate = 4;
/** So many of those who come have changed since, in [0, 1]. */
const changes = 0.1;
/** How often, in [0, 1]: beside a visit somebody does something else. */
const ownAccord = 0.3;
/** A slate counts as far as it was on screen; it does not count at all. */
const looksAtSome = 0.1;
const probes = 0.05;
/** An event says who it is of, beside its request. */
const saysWho = 0.3;
const repeats = 0.2;
const anonymous = 0.2;
const logins = 0.1;
const shares = 0.2;
/** Pauses before the looks of who has changed something, at most: first within what a change takes, and then behind it. */
/** Finds that somebody has two accounts. */
const doubles = 0.01;
/** As is said where somebody did something with all of them lately. */
const leftOut = /left out/;
const looksMs = [10, 10, 10, 10, 3_000, 500, 500, 500];

/** People of one data center: they ask, look, and tell what they clicked, with the client that everybody uses. */
export class SimulatedAudience {
  readonly #options: AudienceOptions;
  readonly #stop: () => void;
  readonly #underWay = new Set<UnderWay>();
  #outcomes: Outcome[] = [];
  #acts = 0;
  answered = 0;
  degraded = 0;
  /** Events that were acknowledged, by `toldKey`. */
  readonly told = new Set<string>();
  /** How often what was asked was refused, by code. */
  readonly refusals = new Map<string, number>();
  readonly #troubles: Trouble[] = [];
  /** Data centers that have offered something. */
  readonly #known = new Set<string>();
  /** Answers without items, of data centers that have offered some before. */
  readonly empty: string[] = [];

  constructor(options: AudienceOptions) {
    this.#options = options;
    void this.#introduce();
    this.#stop = every(options.process.clock, options.everyMs, () => void this.#visit());
  }

  /** What people did not get of what they have asked for since, in words. @param sinceMs by the time of the simulation. */
  troublesSince(sinceMs: number): string[] {
    return this.#troubles
      .filter(({ askedMs }) => askedMs >= sinceMs)
      .map(({ askedMs, text }) => `${text}, asked at ${(askedMs / 1000).toFixed(3)} s`);
  }

  /** No more requests; those that are under way go on. */
  stop(): void {
    this.#stop();
  }

  /** What was asked and is neither answered nor refused. */
  underWay(): { readonly what: What; readonly ageMs: number; readonly limitMs: number }[] {
    const nowMs = this.#options.process.clock.nowMs();
    return [...this.#underWay].map(({ what, sinceMs }) => {
      return { what, ageMs: nowMs - sinceMs, limitMs: limitMs[what] };
    });
  }

  /** Those that came since it was asked last. */
  takeOutcomes(): Outcome[] {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    return outcomes;
  }

  async #introduce(): Promise<void> {
    const { client, users, items } = this.#options;
    const told = [
      ...Array.from({ length: users }, (_unused, i) => ({
        ...{ entity: 'user' as const, id: `u${i}` },
        features: { age: 20 + (i % 50) },
      })),
      ...Array.from({ length: items }, (_unused, i) => ({
        ...{ entity: 'item' as const, id: `i${i}` },
        features: {},
      })),
    ];
    await this.#timed('tell', (deadlineMs) => client.ingestFeatures(told, { deadlineMs }));
  }

  /** Somebody changes something of himself, looks at once, and comes back. */
  async change(): Promise<void> {
    const { process } = this.#options;
    const user = this.#somebody();
    if (!(await this.#tellOf(user))) return;
    for (const ms of looksMs) {
      await sleep(process.clock, process.random.between(0, ms));
      void this.#look(user);
    }
  }

  /** As himself: what is known of him is asked about. */
  async #look(user: string): Promise<void> {
    await this.#recommend({ user, k: slate });
  }

  async #recommend(request: Parameters<StarlingClient['recommend']>[0]) {
    const { client, process } = this.#options;
    const askedMs = process.timeMs;
    const reply = await this.#timed('recommend', (deadlineMs) =>
      client.recommend(request, { deadlineMs }),
    );
    if (!reply) return undefined;
    this.answered++;
    this.#noteItems(reply);
    if (reply.degraded) {
      this.degraded++;
      this.#troubles.push({ askedMs, text: `a degraded answer for ${JSON.stringify(request)}` });
    }
    return reply;
  }

  /** Who takes requests knows the items, where somebody of the data center has known them before; also what may be left out of them. */
  #noteItems({ items, dataCenter, warnings }: Recommendation): void {
    if (items.length > 0) this.#known.add(dataCenter);
    else if (this.#known.has(dataCenter) && !warnings.some((text) => leftOut.test(text)))
      this.empty.push(`${dataCenter} offers nothing: ${warnings.join()}`);
  }

  async #tellOf(user: string): Promise<boolean> {
    const { client, process } = this.#options;
    const features = { age: 20 + process.random.below(50) };
    const told = [{ entity: 'user' as const, id: user, features }];
    const receipt = await this.#timed('tell', (deadlineMs) =>
      client.ingestFeatures(told, { deadlineMs }),
    );
    return receipt !== undefined;
  }

  #somebody(): string {
    const { users, process } = this.#options;
    return `u${process.random.below(users)}`;
  }

  async #visit(user = this.#somebody()): Promise<void> {
    const { client, process } = this.#options;
    const { random } = process;
    if (random.happens(changes)) void this.#tellOf(user);
    if (random.happens(doubles)) void this.#merge(user, this.#somebody());
    if (random.happens(ownAccord)) void this.#act(this.#who(user));
    const log = random.happens(looksAtSome) ? ('shown' as const) : !random.happens(probes);
    const who = this.#who(user);
    const reply = await this.#recommend({ ...who, k: slate, log });
    if (!reply) return;
    const { requestId, items } = reply;
    // Without an id it was not logged.
    if (requestId === '' || items.length === 0) return;
    const seen = log === 'shown' ? items.slice(0, 1 + random.below(items.length)) : items;
    if (log === 'shown') {
      const shown = [{ requestId, items: seen.map(({ item }) => item) }];
      await this.#timed('tell', (deadlineMs) => client.ingestShown(shown, { deadlineMs }));
    }
    await this.#tellEvents(
      seen.map(({ item }) => ({
        ...{ requestId, item },
        ...(random.happens(saysWho) ? who : {}),
        label: random.happens(0.3) ? (1 as const) : (0 as const),
      })),
    );
  }

  /** Somebody does something that nobody offered him, as far as he says, and may say it twice. */
  async #act(who: Who): Promise<void> {
    const { process, items } = this.#options;
    const { random } = process;
    const id = `${process.name} ${this.#acts++}`;
    const type = random.pick(['click', 'purchase', 'refund', 'dismiss']);
    const value = type === 'purchase' ? { value: 10, order: `o${random.below(5)}` } : {};
    const event = { ...who, ...value, type, item: `i${random.below(items)}`, id };
    await this.#tellEvents([event]);
    if (random.happens(repeats)) await this.#tellEvents([event]);
  }

  async #merge(from: string, to: string): Promise<void> {
    const { client } = this.#options;
    if (from === to) return;
    await this.#timed('tell', (deadlineMs) => client.ingestMerges([{ from, to }], { deadlineMs }));
  }

  async #tellEvents(events: readonly EventInput[]): Promise<void> {
    const { client } = this.#options;
    const receipt = await this.#timed('tell', (deadlineMs) =>
      client.ingestEvents(events, { deadlineMs }),
    );
    if (receipt) for (const event of events) this.told.add(toldKey(event));
  }

  /** As a user, as a visitor, or as both, which tells that they are one; visitors are shared now and then. */
  #who(user: string): Who {
    const { random } = this.#options.process;
    const visitor = `v${random.happens(shares) ? 0 : user}`;
    if (random.happens(anonymous)) return { visitor };
    return random.happens(logins) ? { user, visitor } : { user };
  }

  /** Whatever becomes of it is written down. */
  async #timed<T>(what: What, act: (deadlineMs: number) => Promise<T>): Promise<T | undefined> {
    const { clock, timeMs: askedMs } = this.#options.process;
    const asked = { what, sinceMs: clock.nowMs() };
    this.#underWay.add(asked);
    const end = (code: string): void => {
      this.#underWay.delete(asked);
      const tookMs = clock.nowMs() - asked.sinceMs;
      this.#outcomes.push({ what, code, tookMs, limitMs: limitMs[what] });
    };
    try {
      const answer = await act(limitMs[what]);
      end('ok');
      return answer;
    } catch (error) {
      const code = codeOf(error);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      this.#troubles.push({ askedMs, text: `${what} refused with ${code}` });
      end(code);
      return undefined;
    }
  }
}
