import { describe, expect, test } from '@jest/globals';
import { changedBy } from '../../core/features/entity-change.js';
import { mix32 } from '../../core/base/hash.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { decode } from '../../messages/codec.js';
import { subject } from '../../messages/default-names.testkit.js';
import { modeOf, parseFeatureChange } from '../../messages/features.js';
import type { EntityChange } from '../../messages/public.js';
import { ChangeOrder } from '../../replication/change-order.js';
import { EventForwarder } from './event-forwarder.js';

/** Two processors that take turns as it comes, and a stream that has what they write when it likes. */
function worldOf(seed: number) {
  let drawn = mix32(seed);
  const next = () => (drawn = mix32(drawn + 0x9e3779b9)) / 2 ** 32;
  const log: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  const append = (to: string, bytes: Uint8Array) =>
    new Promise<number>((resolve) => {
      const put = () => resolve(log.push(bytes));
      if (to.startsWith(subject.features('item'))) waiting.push(put);
      else put();
    });
  const processor = () =>
    new EventForwarder({
      spec: {
        hash: 'h',
        slotIds: new Uint32Array(0),
        columnIds: new Uint32Array(0),
        denseWidth: 0,
      },
      ...{ partitions: 1, payloadBytesMax: 1e6, subject, append, tell: () => undefined },
      nowMs: () => 0,
    });
  const processors = [processor(), processor()];
  /** Some appends reach the stream. */
  const letIn = async (all: boolean) => {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      while (waiting.length > 0 && (all || next() < 0.5))
        waiting.splice(Math.floor(next() * waiting.length), 1)[0]!();
      await new Promise((resolve) => setImmediate(resolve));
    } while (all && waiting.length > 0);
  };
  return { next, log, processors, letIn };
}

function changeOf(next: () => number): EntityChange {
  const attributes: RawFeatures = { [next() < 0.5 ? 'price' : 'title']: Math.floor(100 * next()) };
  const id = next() < 0.7 ? 'a' : 'b';
  const whole = { entity: 'item' as const, id };
  if (next() < 0.25) return { ...whole, attributes: {}, mode: 'patch', deleted: true };
  return { ...whole, attributes, mode: next() < 0.6 ? 'patch' : 'replace', deleted: false };
}

function apply(items: Map<string, RawFeatures>, change: EntityChange): void {
  const { id, attributes, mode, deleted } = change;
  if (deleted) items.delete(id);
  else items.set(id, changedBy(items.get(id), attributes, mode));
}

describe('two processors', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'leave an item as the last one said that was accepted; seed %i',
    async (seed) => {
      const { next, log, processors, letIn } = worldOf(seed);
      const expected = new Map<string, RawFeatures>();
      const told: Promise<void>[] = [];
      for (let sequence = 1; sequence <= 30; sequence++) {
        const changes = Array.from({ length: 1 + Math.floor(2 * next()) }, () => changeOf(next));
        for (const change of changes) apply(expected, change);
        const origin = { dataCenter: 'east', sequence };
        const first = Math.floor(2 * next());
        told.push(processors[first]!.features(changes, sequence, origin));
        // It stood still, and another one was given the same.
        if (next() < 0.2) told.push(processors[1 - first]!.features(changes, sequence, origin));
        await letIn(false);
      }
      await letIn(true);
      await Promise.all(told);
      const order = new ChangeOrder();
      const items = new Map<string, RawFeatures>();
      log.forEach((bytes, i) => {
        const change = order.next(parseFeatureChange(decode(bytes)), i + 1)!;
        change.ids.forEach((id, row) => {
          const mode = modeOf(change, row);
          const deleted = change.erased?.[row] === true;
          apply(items, { entity: 'item', id, attributes: change.features[row]!, mode, deleted });
        });
      });
      expect(items).toEqual(expected);
    },
  );
});
