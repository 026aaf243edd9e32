import { dropOldest } from '../../core/base/oldest.js';
import { compileCondition } from '../../core/config/event-expression.js';
import { durationMsOf } from '../../core/config/duration.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ShownPairs } from '../shared/ignored-impressions.js';
import { IgnoredImpressions, ignoredIn } from '../shared/ignored-impressions.js';
import { personIn, type PublicAction } from '../../messages/public.js';

/** People that are counted at a time. Beyond it, whoever was met first is forgotten first. */
const peopleMax = 100_000;

export type IgnoredReason = 'ignore' | 'eventsPerPerson';

interface Span {
  readonly fromMs: number;
  count: number;
}

/**
 * Events of bots and staff: they are counted, and nothing else. Who does more than a person can is told by what this processor
 * has seen of him within the time.
 */
export class IgnoredEvents {
  readonly counts = { ignored: 0, ignoredExample: '' };
  readonly impressions: IgnoredImpressions;
  readonly #config: Pick<ClusterConfig, 'ignore' | 'limits'>;
  readonly #isIgnored: ReturnType<typeof compileCondition> | undefined;
  readonly #spans = new Map<string, Span>();

  constructor(config: Pick<ClusterConfig, 'ignore' | 'limits'>) {
    this.#config = config;
    this.impressions = new IgnoredImpressions(config);
    this.#isIgnored = config.ignore === '' ? undefined : compileCondition(config.ignore);
  }

  /** Why nothing is to be made of it; undefined: it counts. */
  reasonOf(event: PublicAction, atMs: number): IgnoredReason | undefined {
    const reason = this.#matches(event)
      ? 'ignore'
      : this.#isTooMuch(personIn(event), atMs)
        ? 'eventsPerPerson'
        : undefined;
    if (reason === undefined) return undefined;
    this.counts.ignored++;
    const { type = 'click', item } = event;
    this.counts.ignoredExample = `${reason}: ${type} of ${item} by ${personIn(event) || 'nobody'}`;
    return reason;
  }

  /** Counts what is marked of what was shown. */
  shown(impressions: Pick<ShownPairs, 'users' | 'items' | 'facts'>): void {
    const { count, example } = ignoredIn(impressions);
    if (count === 0) return;
    this.counts.ignored += count;
    this.counts.ignoredExample = example;
  }

  #matches({ context, ...event }: PublicAction): boolean {
    const named = { type: 'click', user: '', visitor: '', requestId: '', order: '', ...event };
    return this.#isIgnored?.({ event: named, context }) === true;
  }

  #isTooMuch(person: string, atMs: number): boolean {
    const { eventsPerPerson } = this.#config.limits;
    if (!eventsPerPerson || person === '') return false;
    const span = this.#spanOf(person, atMs, durationMsOf(eventsPerPerson.within)!);
    return ++span.count > eventsPerPerson.max;
  }

  #spanOf(person: string, atMs: number, ms: number): Span {
    const fromMs = Math.floor(atMs / ms) * ms;
    const known = this.#spans.get(person);
    if (known && known.fromMs >= fromMs) return known;
    const span = { fromMs, count: 0 };
    this.#spans.delete(person);
    this.#spans.set(person, span);
    dropOldest(this.#spans, peopleMax);
    return span;
  }
}
