import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ActivityBook } from '../../core/activity/activity-book.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { runs } from '../../core/base/runs.testkit.js';
import { parseClusterConfig, type ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf, type FeatureSpec } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import { decode } from '../../messages/codec.js';
import { parseImport } from '../../messages/import-records.js';
import { ImportFold } from './import-fold.js';
import { ImportPieces } from './import-pieces.js';

const told: Readonly<Record<string, Record<string, unknown>>> = {
  i0: { genres: ['a'], price: 3 },
  i1: { genres: ['a', 'b'], price: 8 },
  i2: { genres: ['b'], price: 20 },
};
const smooth = { smoothing: 1, normalisation: 'none' } as const;
const declared = {
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids', valuesMax: 4 },
    price: { entity: 'item', kind: 'dense' },
    lately: {
      entity: 'user',
      kind: 'history',
      of: 'genres',
      length: 5,
      with: ['event', 'secondsAgo'],
    },
    bought: { entity: 'user', kind: 'history', of: 'item', events: ['buy'], length: 3 },
    views: { entity: 'item', kind: 'count', events: ['view'], normalisation: 'none' },
    recent: { entity: 'item', kind: 'count', window: '1m', normalisation: 'none' },
    spends: { entity: 'user', kind: 'mean', of: 'value', events: ['buy'], ...smooth },
    cheap: { entity: 'user', kind: 'mean', of: 'price', halfLife: '5m', ...smooth },
    does: { entity: 'user', kind: 'count', by: 'genres', normalisation: 'none' },
  },
  events: {
    view: {},
    buy: { value: 'money' },
    refund: { undoes: 'buy' },
    hide: { negative: true },
  },
  ignore: 'event.user == "staff"',
  organic: { negatives: 2 },
};
const { recent, ...lasting } = declared.features;
const configs = {
  'numbers that fade': parseClusterConfig({ ...declared, features: { ...lasting, recent } }),
  'numbers of items that are the same until something happens': parseClusterConfig({
    ...declared,
    features: lasting,
  }),
};
const featuresOf = (entity: 'user' | 'item', id: string) =>
  entity === 'item' ? told[id] : undefined;
const partitions = 2;

/** What joiners tell of an import, and a feature store that hears it. */
class Followed {
  readonly spec: FeatureSpec;
  readonly windows: readonly JoinWindow[];
  readonly book: ActivityBook;

  constructor(config: ClusterConfig) {
    const rules = keptRulesOf(config);
    const spec = featureSpecOf(config.features);
    this.spec = spec;
    this.book = new ActivityBook(rules, { stored: () => undefined, features: featuresOf }, 1_000);
    this.windows = [0, 1].map(
      (partition) =>
        new JoinWindow({
          ...joinRulesOf(config),
          ...{ latenessMs: 10_000, organicWaitMs: 500, copiesMs: 1_000, negativeRate: 1 },
          ...{ organic: true, tells: rules.wanted, partition, partitions },
          homeOf: (person) => joinPartitionOf(person, partitions),
          ...{ slotCount: spec.slots.length, denseCount: spec.denseWidth },
        }),
    );
  }

  take(pieces: ImportPieces): void {
    for (const [partition, { records }] of pieces.take())
      for (const bytes of records)
        this.windows[partition]!.observeImport(parseImport(decode(bytes), this.spec));
    for (let more = true; more;) {
      more = false;
      for (const window of this.windows) {
        const { activity, sent } = window.drain();
        for (const each of activity) this.book.take(each.activity);
        for (const { to, ...record } of sent) {
          this.windows[to]!.observeSent(record);
          more = true;
        }
      }
    }
  }
}

const who = fc.constantFrom(
  ...[{ user: 'u1' }, { user: 'u2' }, { visitor: 'v1' }, { visitor: 'v2' }, { user: 'staff' }],
  { user: 'u2', visitor: 'v1' },
);
const row = fc.record({
  apartMs: fc.integer({ min: 0, max: 60_000 }),
  who,
  item: fc.constantFrom('i0', 'i1', 'i2', 'unknown'),
  type: fc.constantFrom('view', 'view', 'buy', 'refund', 'hide'),
  value: fc.integer({ min: 1, max: 50 }),
  alias: fc.option(fc.constantFrom('u1', 'u2', 'u3'), { freq: 5, nil: undefined }),
});

test.each(Object.entries(configs))(
  'what an event is sent with is what feature stores would have said the moment before it: %s',
  (_of, config) => {
    const transform = createTransform(featureSpecOf(config.features));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (rows) => {
        const drawn: string[] = [];
        const fold = new ImportFold({
          ...{ config, transform, told: featuresOf },
          draws: {
            note: (item) => void drawn.push(item),
            draw: () => [...new Set(drawn)].map((item) => ({ item, weight: 1 })),
          },
        });
        const pieces = new ImportPieces({ name: 'f', transform, partitions, payloadBytesMax: 1e6 });
        const followed = new Followed(config);
        let atMs = 1e12;
        rows.forEach(({ apartMs, who: person, alias, ...event }, i) => {
          atMs += apartMs;
          // What stands at one position comes in one record.
          const position = 2 * i + 2;
          if (alias && 'visitor' in person) {
            const became = fold.becomes(person.visitor, alias, atMs);
            if (became) pieces.addAlias(position, became);
            return followed.take(pieces);
          }
          const isBoth = 'user' in person && 'visitor' in person;
          const before = isBoth ? fold.becomes(person.visitor, person.user, atMs) : undefined;
          if (before) {
            pieces.addAlias(position - 1, before);
            followed.take(pieces);
          }
          const id = `e${i}`;
          const happened = { ...event, ...person, id, timestamp: atMs };
          const folded = fold.happened(happened, 2e12, () => true);
          if (folded.moment) {
            const { book } = followed;
            const [user, ...items] = [folded.moment.user, ...folded.moment.encoded];
            const kept = book.kept('user', folded.person, atMs);
            expect(user).toEqual(transform.encodeEntity('user', folded.person, {}, kept));
            expect(items).toEqual(
              folded.moment.items.map((item) =>
                transform.encodeEntity(
                  'item',
                  item,
                  told[item] ?? {},
                  book.kept('item', item, atMs),
                ),
              ),
            );
          }
          pieces.addEvent(position, folded);
          followed.take(pieces);
        });
        for (const person of ['u1', 'u2', 'u3', 'visitor/v1', 'visitor/v2', 'staff'])
          expect(fold.kept('user', person, atMs)).toEqual(followed.book.kept('user', person, atMs));
      }),
      { numRuns: runs(100) },
    );
  },
);
