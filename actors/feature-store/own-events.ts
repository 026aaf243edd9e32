import type { Logger } from 'pino';
import { ProvisionalActivity } from '../../core/activity/provisional-activity.js';
import type { KeptRules } from '../../core/activity/kept-rules.js';
import { every, type Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { RawPeople } from './raw-people.js';

const lookMs = 1_000;
/** Nobody has worked on the events for so long: too low, and a pause is taken for a loss; too high, and what people do shows late. */
const awayMs = 3_000;
/** Whose a request was is read from so far back. Too low: of events on older slates nobody knows whose they are. */
const requestsMs = 5 * 60_000;
/**
 * After training has heard it all. Too low: what it has not told yet is gone for a while. Too high: what it tells otherwise, as of a
 * visitor who is known to be somebody, stands beside it for so long.
 */
const keptMs = 20_000;

export interface OwnEventsOptions {
  readonly bus: Pick<Bus, 'clock' | 'tail' | 'workState'>;
  /** RAW of the data center, and who works on it. */
  readonly stream: string;
  readonly durable: string;
  readonly spec: FeatureSpec;
  readonly rules: Pick<KeptRules, 'listed' | 'undoes'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** What is known of accounts that are one. */
  readonly whoIs: (person: string) => string;
  /** Hears whose lists are others now. */
  readonly onChanged: (people: ReadonlySet<string>) => void;
}

/**
 * What people do while nobody tells it: when training does not work on the events of this data center, they are read here, and
 * their lists go on provisionally. When training has heard them, what it tells is taken instead.
 *
 * It is away when the place up to which the events are worked on stands still, though there are more: that is known in this
 * data center, whatever has become of the others.
 */
export class OwnEvents {
  readonly provisional: ProvisionalActivity;
  readonly #options: OwnEventsOptions;
  #people: RawPeople;
  #endLooks: Cancel = () => undefined;
  #looking: Promise<void> | undefined;
  #acknowledged = -1;
  #movedAtMs = 0;
  #following: Following | undefined;
  /** Of RAW: what comes behind it is new here. */
  #after = 0;
  /** Of RAW, read up to here. */
  #read = 0;
  /** The same at the last looks. */
  #marks: number[] = [];
  #forgetAtMs = Infinity;
  #isFailing = false;

  constructor(options: OwnEventsOptions) {
    this.#options = options;
    this.provisional = new ProvisionalActivity(options.rules);
    this.#people = this.#newPeople();
  }

  /** Of RAW: what was done up to here is in the lists, or is about to be told; 0: nobody knows yet. */
  get sequence(): number {
    const told = Math.max(0, this.#acknowledged);
    return this.#following ? Math.max(told, this.#read) : told;
  }

  start(): void {
    const { clock } = this.#options.bus;
    this.#movedAtMs = clock.nowMs();
    this.#endLooks = every(clock, lookMs, () => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    });
  }

  async stop(): Promise<void> {
    this.#endLooks();
    await this.#looking;
    await this.#following?.stop();
  }

  async #look(): Promise<void> {
    const { bus, durable, log, stream } = this.#options;
    const nowMs = bus.clock.nowMs();
    try {
      const { acknowledged, left } = await bus.workState(stream, durable);
      if (left === 0 || acknowledged !== this.#acknowledged) this.#movedAtMs = nowMs;
      this.#acknowledged = acknowledged;
      if (!this.#following && nowMs - this.#movedAtMs >= awayMs) await this.#begin();
      else if (this.#following && this.#isHeard(left)) await this.#end(nowMs);
      if (nowMs >= this.#forgetAtMs) this.#forget();
      this.#isFailing = false;
    } catch (error) {
      // The own server is away, or those that are left have no leader yet. Said once: it is tried again every second.
      if (!this.#isFailing)
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'own events are out of reach');
      this.#isFailing = true;
    }
  }

  /** What was read some looks ago is worked on by now. */
  #isHeard(left: number): boolean {
    this.#marks.push(this.#read);
    if (left === 0) return true;
    if (this.#marks.length <= awayMs / lookMs) return false;
    const mark = this.#marks.shift()!;
    return this.#acknowledged > this.#after && this.#acknowledged >= mark;
  }

  async #begin(): Promise<void> {
    const { bus, log, stream } = this.#options;
    const after = this.#acknowledged;
    this.#after = after;
    log.warn({ after }, 'nobody works on the events of this data center; lists go on');
    this.#forgetAtMs = Infinity;
    this.#marks = [];
    this.#people = this.#newPeople();
    const from = { stream, fromTimeMs: Math.max(0, bus.clock.wallMs() - awayMs - requestsMs) };
    this.#following = await follow(
      bus,
      from,
      (message) => {
        this.#people.read(message, message.sequence > after);
        this.#read = Math.max(this.#read, message.sequence);
        this.#tell();
      },
      (error) => log.warn({ err: messageOf(error) }, 'own events are not read'),
    );
  }

  async #end(nowMs: number): Promise<void> {
    const { log } = this.#options;
    log.info({ through: this.#acknowledged }, 'the events of this data center are worked on again');
    const following = this.#following;
    this.#following = undefined;
    this.#forgetAtMs = nowMs + keptMs;
    await following?.stop();
  }

  #forget(): void {
    this.#forgetAtMs = Infinity;
    this.provisional.clear();
    this.#people = this.#newPeople();
    this.#tell();
  }

  #newPeople(): RawPeople {
    const { spec, whoIs } = this.#options;
    return new RawPeople({
      spec,
      happened: (event) => this.provisional.take({ ...event, person: whoIs(event.person) }),
      merged: (from, to) => this.provisional.merge(whoIs(from), whoIs(to)),
      erased: (person) => this.provisional.erase(person),
    });
  }

  #tell(): void {
    const people = this.provisional.takeChanged();
    if (people.size > 0) this.#options.onChanged(people);
  }
}
