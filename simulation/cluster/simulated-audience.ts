import type { StarlingClient } from '../../client/client.js';
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

/** What became of something that was asked. */
export interface Outcome {
  readonly what: What;
  /** `ok`, or what it was refused with. */
  readonly code: string;
  readonly tookMs: number;
  readonly limitMs: number;
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
/** Pauses before the looks of who has changed something, at most: first within what a change takes, and then behind it. */
const looksMs = [10, 10, 10, 10, 3_000, 500, 500, 500];

/** People of one data center: they ask, look, and tell what they clicked, with the client that everybody uses. */
export class SimulatedAudience {
  readonly #options: AudienceOptions;
  readonly #stop: () => void;
  readonly #underWay = new Set<UnderWay>();
  #outcomes: Outcome[] = [];
  answered = 0;
  degraded = 0;
  /** Actions that were acknowledged: `request id, item`. */
  readonly told = new Set<string>();
  /** How often what was asked was refused, by code. */
  readonly refusals = new Map<string, number>();

  constructor(options: AudienceOptions) {
    this.#options = options;
    void this.#introduce();
    this.#stop = every(options.process.clock, options.everyMs, () => void this.#visit());
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
      void this.#visit(user);
    }
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
    if (process.random.happens(changes)) void this.#tellOf(user);
    const reply = await this.#timed('recommend', (deadlineMs) =>
      client.recommend({ user, k: slate }, { deadlineMs }),
    );
    if (!reply) return;
    this.answered++;
    if (reply.degraded) this.degraded++;
    const { requestId } = reply;
    const actions = reply.items.map(({ item }) => ({
      ...{ requestId, item },
      label: process.random.happens(0.3) ? (1 as const) : (0 as const),
    }));
    if (actions.length === 0) return;
    const receipt = await this.#timed('tell', (deadlineMs) =>
      client.ingestActions(actions, { deadlineMs }),
    );
    if (receipt) for (const { item } of actions) this.told.add(`${requestId}, ${item}`);
  }

  /** Whatever becomes of it is written down. */
  async #timed<T>(what: What, act: (deadlineMs: number) => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#options.process;
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
      end(code);
      return undefined;
    }
  }
}
