import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { decode, encode } from '../messages/codec.js';
import type { RecordKind } from './fenced-record.js';
import { FencedRecords } from './fenced-record.js';
import { MemoryBucket } from './memory-bucket.testkit.js';

interface Shelf {
  readonly holds: string;
  readonly term: number;
}

const shelves: RecordKind<number, Shelf> = {
  pattern: 'shelf.*',
  keyOf: (id) => `shelf.${id}`,
  idOf: (key) => (key === 'shelf.sign' ? undefined : Number(key.slice('shelf.'.length))),
  encode: ({ holds, term }) => encode({ v: 1, holds, term }),
  decode: (bytes) => decode(bytes) as Shelf,
  termOf: ({ term }) => term,
  overText: (id, term, newest) => `shelf ${id}: term ${term} is over, ${newest} began.`,
};

/** Two who take themselves for the writer, and what each has heard. */
async function twoWriters() {
  const bucket = new MemoryBucket();
  const former = await FencedRecords.open(bucket, shelves);
  const newer = await FencedRecords.open(bucket, shelves);
  const heard: string[] = [];
  former.onChange((id, { holds }) => heard.push(`${id} ${holds}`));
  return { bucket, former, newer, heard };
}

describe('fenced records', () => {
  test('are known to whoever opens them later, and a key of something else is passed over', async () => {
    const { bucket, former } = await twoWriters();
    await former.write(1, { holds: 'tea', term: 1 });
    await bucket.bucketPut('CLUSTER', 'shelf.sign', Uint8Array.of(1));
    const late = await FencedRecords.open(bucket, shelves);
    expect([...late.all.keys()]).toEqual([1]);
    expect(late.get(1)).toMatchObject({ holds: 'tea', term: 1, revision: 1 });
  });

  test('are written behind what is known, and everybody hears once of each change', async () => {
    const { former, newer, heard } = await twoWriters();
    await newer.write(1, { holds: 'tea', term: 1 });
    await former.write(1, { holds: 'rice', term: 1 });
    expect(newer.get(1)).toMatchObject({ holds: 'rice' });
    expect(heard).toEqual(['1 tea', '1 rice']);
  });

  test('lost compare-and-set: the one who was slower knows the newer record when he hears CONFLICT', async () => {
    const { bucket, former, newer } = await twoWriters();
    const before = await former.write(1, { holds: 'tea', term: 1 });
    bucket.lagging = true;
    await newer.write(1, { holds: 'rice', term: 1 });
    expect(former.get(1)).toMatchObject({ holds: 'tea' });
    const late = former.replace(1, { holds: 'salt', term: 1 }, before);
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(former.get(1)).toMatchObject({ holds: 'rice' });
    // By what he knows now he may decide again.
    await former.write(1, { holds: 'salt', term: 1 });
    expect(await newer.refresh(1)).toMatchObject({ holds: 'salt' });
  });

  test('what is known stays known where a copy is asked that does not have it yet', async () => {
    const { bucket, former } = await twoWriters();
    await former.write(1, { holds: 'tea', term: 1 });
    const records = await FencedRecords.open(bucket, shelves);
    bucket.bucketEntry = async () => undefined;
    expect(await records.refresh(1)).toMatchObject({ holds: 'tea' });
    expect(await records.refresh(2)).toBeUndefined();
  });

  test('a record that is there already is a conflict for who believes that there is none', async () => {
    const { former, newer } = await twoWriters();
    await newer.write(1, { holds: 'tea', term: 1 });
    const blind = former.replace(1, { holds: 'rice', term: 1 }, undefined);
    await expect(blind).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('an older term is refused without asking anybody where the newer one is known', async () => {
    const { bucket, former, newer } = await twoWriters();
    await newer.write(1, { holds: 'tea', term: 2 });
    bucket.failure = new StarlingError('UNAVAILABLE', 'nobody is asked');
    await expect(former.write(1, { holds: 'rice', term: 1 })).rejects.toMatchObject({
      code: 'FENCED',
      message: 'shelf 1: term 1 is over, 2 began.',
      details: { term: 1, newest: 2 },
    });
  });

  test('an older term is refused by what the bucket says where its notice has not come yet', async () => {
    const { bucket, former, newer } = await twoWriters();
    await former.write(1, { holds: 'tea', term: 1 });
    bucket.lagging = true;
    await newer.write(1, { holds: 'rice', term: 2 });
    await expect(former.write(1, { holds: 'salt', term: 1 })).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect(await newer.refresh(1)).toMatchObject({ holds: 'rice', term: 2 });
  });

  test('a term is confirmed by the bucket itself', async () => {
    const { bucket, former, newer } = await twoWriters();
    await expect(former.confirm(1, 1)).resolves.toBeUndefined();
    bucket.lagging = true;
    await newer.write(1, { holds: 'rice', term: 2 });
    await expect(former.confirm(1, 1)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(former.confirm(1, 2)).resolves.toBeUndefined();
  });

  test('a newer term takes the place of an older one', async () => {
    const { former, newer } = await twoWriters();
    await former.write(1, { holds: 'tea', term: 1 });
    await newer.write(1, { holds: 'tea', term: 2 });
    expect(former.get(1)).toMatchObject({ term: 2 });
  });

  test('a watch that was interrupted tells all once more, and nobody hears of it', async () => {
    const { bucket, former, heard } = await twoWriters();
    await former.write(1, { holds: 'tea', term: 1 });
    await former.write(2, { holds: 'rice', term: 1 });
    const known = former.get(1);
    bucket.replay();
    expect(heard).toEqual(['1 tea', '2 rice']);
    expect(former.get(1)).toBe(known);
  });

  test('what was missed while the watch was interrupted comes with its replay', async () => {
    const { bucket, newer, heard } = await twoWriters();
    bucket.lagging = true;
    await newer.write(1, { holds: 'tea', term: 1 });
    await newer.write(1, { holds: 'rice', term: 1 });
    bucket.replay();
    expect(heard).toEqual(['1 rice']);
  });

  test('a stale notice is ignored: what is known only gets newer', async () => {
    const { bucket, former, newer, heard } = await twoWriters();
    bucket.lagging = true;
    await newer.write(1, { holds: 'tea', term: 1 });
    await newer.write(1, { holds: 'rice', term: 1 });
    await former.refresh(1);
    bucket.deliver();
    expect(former.get(1)).toMatchObject({ holds: 'rice' });
    expect(heard).toEqual(['1 rice']);
  });

  test('a change whose acknowledgement was lost is a conflict with oneself, and known from then on', async () => {
    const { bucket, former } = await twoWriters();
    bucket.lagging = true;
    bucket.acknowledgementsLost = 1;
    await expect(former.write(1, { holds: 'tea', term: 1 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    await expect(former.write(1, { holds: 'tea', term: 1 })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await former.write(1, { holds: 'rice', term: 1 });
    expect(former.get(1)).toMatchObject({ holds: 'rice' });
  });

  test('nothing is heard after the stop', async () => {
    const { bucket, former, newer, heard } = await twoWriters();
    await former.stop();
    await newer.write(1, { holds: 'tea', term: 1 });
    bucket.replay();
    expect(heard).toEqual([]);
  });
});
