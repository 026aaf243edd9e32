import { at } from '../../core/base/columns.js';
import { joinRulesOf, type RulesConfig } from '../../core/blueprint/join-rules.js';
import { featureSpecOf, type FeatureSpec } from '../../core/features/feature-spec.js';
import { lanes } from '../../core/joining/event-facts.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { decode } from '../../messages/codec.js';
import { header } from '../../messages/headers.js';
import { countersOf, parseSamples, type Samples } from '../../messages/samples.js';
import { lastToken } from '../../messages/subjects.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { ConfigHistory } from './config-history.js';
import type { Report } from './violation.js';

/** An outcome that takes longer outlives every run: of live events it is known only where somebody says so. */
const longMs = 86_400_000;

/** How a sample may come about, as `lane length label`; a live outcome of days ends as 0 by a dismissal alone. */
export const waysToLearn: readonly string[] = [
  ...Object.keys(lanes).flatMap((lane) => [
    ...[`${lane} short 0`, `${lane} short 1`, `${lane} long 0`, `${lane} long 1`],
  ]),
  ...['organic 0', 'organic 1'],
];

/**
 * Each outcome of a row is learned once, whatever becomes of joiners, their disks and their hosts; and at the end of each commit that a
 * joiner publishes, what it says it has counted from the beginning, outcome by outcome, is what is in the stream. That what it has
 * counted is all that there was, it asserts itself, and the audit does.
 */
export class OutcomeCheck {
  /** How often samples came about in which way. */
  readonly ways = new Map<string, number>();
  readonly #report: Report;
  #spec!: FeatureSpec;
  #first = '';
  #isLong: ReadonlyMap<string, boolean> = new Map();
  /** Of which row and outcome, where. */
  readonly #learned = new Map<string, string>();
  /** By joiner and outcome; `''`: rows. */
  readonly #counts = new Map<string, number>();

  constructor(
    servers: MemoryServers,
    names: ClusterNames,
    history: Pick<ConfigHistory, 'follow'>,
    report: Report,
  ) {
    this.#report = report;
    history.follow((config) => {
      this.#spec = featureSpecOf(config.features, config.lineage);
      const { outcomes } = joinRulesOf(config satisfies RulesConfig);
      this.#first = outcomes[0]!.name;
      this.#isLong = new Map(outcomes.map(({ name, windowMs }) => [name, windowMs > longMs]));
    });
    servers.stream(names.stream.samples).onAppend((message) => {
      // What is told again out of dead letters was counted when it came first.
      if (message.subject !== names.subject.samplesRetried) this.#take(message);
    });
  }

  #take(message: StreamMessage): void {
    const { subject, sequence, bytes } = message;
    const joiner = lastToken(subject);
    const value = decode(bytes);
    const samples = parseSamples(value, this.#spec);
    this.#count(joiner, '', samples.items.length);
    for (const name of Object.keys(samples.outcomes))
      this.#learn(samples, name, joiner, `#${sequence} of joiner ${joiner}`);
    const counters = countersOf(value);
    // What it has counted is as of the end of the commit.
    if (!counters || !message.header(header.position)?.endsWith('.1')) return;
    this.#compare(joiner, 'rows', '', counters.samples);
    for (const [name, { positives, negatives }] of [
      [this.#first, counters] as const,
      ...Object.entries(counters.others),
    ])
      this.#compare(joiner, name, name, positives + negatives);
  }

  #learn(samples: Samples, name: string, joiner: string, place: string): void {
    const { requestIds, items, facts } = samples;
    const { labels, masks } = samples.outcomes[name]!;
    for (let row = 0; row < items.length; row++) {
      if (!at(masks, row)) continue;
      const label = labels[row]! > 0 ? 1 : 0;
      const requestId = requestIds[row]!;
      if (requestId === '') {
        this.#note(`organic ${label}`);
        continue;
      }
      this.#note(this.#wayOf(at(facts.lanes, row), name, label));
      this.#count(joiner, name, 1);
      const key = `${name} of ${requestId}, ${items[row]!}`;
      const before = this.#learned.get(key);
      if (before !== undefined)
        this.#report('learned once', `${key} is in samples ${place}, and was in ${before}`);
      this.#learned.set(key, place);
    }
  }

  #wayOf(lane: number, name: string, label: number): string {
    const laneName = lane === lanes.import ? 'import' : 'live';
    return `${laneName} ${this.#isLong.get(name) ? 'long' : 'short'} ${label}`;
  }

  #note(way: string): void {
    this.ways.set(way, (this.ways.get(way) ?? 0) + 1);
  }

  #count(joiner: string, outcome: string, more: number): void {
    const key = `${joiner} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + more);
  }

  #compare(joiner: string, what: string, outcome: string, counted: number): void {
    const there = this.#counts.get(`${joiner} ${outcome}`) ?? 0;
    if (there === counted) return;
    const text = `joiner ${joiner} has counted ${counted} labels of ${what}, and published ${there}`;
    this.#report('books of outcomes', text);
  }
}
