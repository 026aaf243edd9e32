import type { StarlingClient } from '../../client/client.js';
import { every } from '../../core/base/clock.js';
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

/** What somebody was told when he was not given what he asked for, and how late. */
export interface Refusal {
  readonly code: string;
  readonly what: 'recommend' | 'rank' | 'tell';
  readonly tookMs: number;
}

const deadlineMs = 3_000;
/** Events are told until they are taken, within reason. */
const tellMsMax = 60_000;
const slate = 4;

/** People of one data center: they ask, look, and tell what they clicked, with the client that everybody uses. */
export class SimulatedAudience {
  readonly #options: AudienceOptions;
  readonly #stop: () => void;
  answered = 0;
  degraded = 0;
  /** Events that were acknowledged. */
  told = 0;
  /** Asked for, and neither answered nor refused yet. */
  open = 0;
  readonly refusals: Refusal[] = [];

  constructor(options: AudienceOptions) {
    this.#options = options;
    void this.#introduce();
    this.#stop = every(options.process.clock, options.everyMs, () => void this.#visit());
  }

  /** No more requests; those that are under way go on. */
  stop(): void {
    this.#stop();
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
    await this.#timed('tell', () => client.ingestFeatures(told, { deadlineMs: tellMsMax }));
  }

  async #visit(): Promise<void> {
    const { client, users, process } = this.#options;
    const user = `u${process.random.below(users)}`;
    const reply = await this.#timed('recommend', () =>
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
    const receipt = await this.#timed('tell', () =>
      client.ingestActions(actions, { deadlineMs: tellMsMax }),
    );
    if (receipt) this.told += actions.length;
  }

  /** Whatever becomes of it is written down. */
  async #timed<T>(what: Refusal['what'], act: () => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#options.process;
    const startMs = clock.nowMs();
    this.open++;
    try {
      return await act();
    } catch (error) {
      this.refusals.push({ code: codeOf(error), what, tookMs: clock.nowMs() - startMs });
      return undefined;
    } finally {
      this.open--;
    }
  }
}
