import { at } from '../../core/base/columns.js';
import { encodeContext } from '../../core/features/origin.js';
import { lanes } from '../../core/joining/event-facts.js';
import { selectExamples, type ExampleBatch } from '../../core/features/example-batch.js';
import { featureSpecOf, isKeptSlot, type FeatureSpec } from '../../core/features/feature-spec.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { createTransform, type Transform } from '../../core/features/transform.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { decode } from '../../messages/codec.js';
import { parseImpressions, type Impressions } from '../../messages/events.js';
import { parseFeatureChange, type ChangeOrigin } from '../../messages/features.js';
import { lastToken } from '../../messages/subjects.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { ConfigHistory } from './config-history.js';
import type { Report } from './violation.js';

/** A change has reached every store and every ranker by then, where nothing is late or lost. */
const settleMs = 1_000;

interface Changed {
  readonly features: RawFeatures;
  readonly atMs: number;
  readonly origin: ChangeOrigin | undefined;
}

/**
 * Who has changed something of himself while it is calm is scored with that from then on. A notice that is lost marks
 * nothing as old, so of changes in a storm it is not asked.
 */
export class FeatureCheck {
  readonly #servers: MemoryServers;
  readonly #report: Report;
  #spec!: FeatureSpec;
  #transform!: Transform;
  /** Users that have changed since it is calm. */
  readonly #changed = new Map<string, Changed>();
  #isCalm = false;

  constructor(
    servers: MemoryServers,
    names: ClusterNames,
    history: Pick<ConfigHistory, 'follow' | 'newest'>,
    report: Report,
  ) {
    this.#servers = servers;
    this.#report = report;
    history.follow(({ features, lineage }) => {
      this.#spec = featureSpecOf(features, lineage);
      this.#transform = createTransform(this.#spec);
    });
    servers.stream(names.stream.features).onAppend(({ bytes }) => this.#change(bytes));
    for (const { name } of history.newest.dataCenters)
      servers.stream(names.stream.raw(name)).onAppend(({ subject, bytes }) => {
        if (this.#changed.size > 0 && lastToken(subject) === 'impression')
          this.#look(parseImpressions(decode(bytes), this.#spec));
      });
  }

  /** Whether no notice is lost. */
  set isCalm(calm: boolean) {
    this.#isCalm = calm;
    this.#changed.clear();
  }

  #change(bytes: Uint8Array): void {
    const { entity, ids, features, origin } = parseFeatureChange(decode(bytes));
    if (entity !== 'user') return;
    const atMs = this.#servers.time.nowMs;
    if (!this.#isCalm) return;
    for (const [i, id] of ids.entries()) {
      const before = this.#changed.get(id)?.origin;
      // It was accepted before that, and written late by another processor.
      const isLate = before?.dataCenter === origin?.dataCenter && before && origin && before.sequence > origin.sequence; // prettier-ignore
      if (!isLate) this.#changed.set(id, { features: features[i]!, atMs, origin });
    }
  }

  #look({ users, items, examples, facts }: Impressions): void {
    const sinceMs = this.#servers.time.nowMs - settleMs;
    for (const [row, user] of users.entries()) {
      const changed = this.#changed.get(user);
      // What was long ago has the features of then.
      if (at(facts.lanes, row) === lanes.import) continue;
      if (!changed || changed.atMs > sinceMs) continue;
      if (
        this.#areSame(selectExamples(examples, [row]), this.#expected(user, changed, items[row]!))
      )
        continue;
      const text = `${user} is scored with other features than ${JSON.stringify(changed.features)}, which he has for longer than ${settleMs} ms`;
      this.#report('the newest features', text);
    }
  }

  /** In what is told; what is kept is looked at by others. */
  #areSame(one: ExampleBatch, other: ExampleBatch): boolean {
    const told = this.#spec.slots.filter((slot) => !isKeptSlot(slot));
    const fidsOf = ({ offsets, fids }: ExampleBatch): string =>
      told.map(({ index }) => fids.slice(2 * offsets[index]!, 2 * offsets[index + 1]!)).join('|');
    return fidsOf(one) === fidsOf(other);
  }

  #expected(user: string, { features }: Changed, item: string): ExampleBatch {
    const transform = this.#transform;
    return transform.assemble(
      [transform.encodeEntity('user', user, features)],
      [transform.encodeEntity('item', item, {})],
      [encodeContext(transform, {}, 'shown')],
    );
  }
}
