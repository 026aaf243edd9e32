import { describe, expect, jest, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { fenced, notOwner } from '../../messages/ownership.js';
import type { PushRequest } from '../../messages/parameters.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import { oneSlot, rowOf } from '../../replication/trained-rows.testkit.js';
import { RowRequests } from './row-requests.js';

/** Two owned partitions at epoch 4, and what was made of them. */
function world() {
  const lease = { valid: true };
  const durable: number[] = [];
  const held = [0, 1].map((number) => {
    const partition = new TrainedPartition(number, oneSlot);
    const publisher = {
      sequence: 20 + number,
      changed: () => undefined,
      durable: async () => void durable.push(number),
    };
    const owned = (epoch: number | undefined) => {
      if (epoch !== 4) throw fenced(`partition ${number} is at epoch 4.`, {});
      return publisher;
    };
    return { partition, owned };
  });
  const requests = new RowRequests({
    clock: new ManualClock(),
    address: 'train.ps-shard.0',
    shape: oneSlot,
    lease,
    held: {
      get: (number) => {
        const found = held[number];
        if (!found) throw notOwner('train.ps-shard.0', number);
        return found;
      },
    },
  });
  return { lease, durable, held, requests };
}

/** One key in each partition named. */
function pushOf(partitions: number[], batches: number[], change: Partial<PushRequest> = {}) {
  return {
    specHash: oneSlot.hash,
    partitions: Uint32Array.from(partitions),
    epochs: new Uint32Array(partitions.length).fill(4),
    counts: new Uint32Array(partitions.length).fill(1),
    fids: Uint32Array.from(partitions.flatMap((number) => [10 + number, 0])),
    gradients: Float32Array.from(partitions.flatMap((number) => [number + 1, number + 1])),
    batches: Float64Array.from(batches),
    atSeconds: 9,
    trail: undefined,
    ...change,
  };
}

describe('a push', () => {
  test('changes the rows of each partition, and is answered when all are durable', async () => {
    const { held, durable, requests } = world();
    expect(await requests.push(pushOf([0, 1], [1]))).toMatchObject({
      outcome: 'applied',
      sequence: 21,
    });
    expect(durable).toEqual([0, 1]);
    expect(held.map(({ partition }, number) => rowOf(partition, 10 + number))).toEqual([
      [-1, -1],
      [-2, -2],
    ]);
    expect(requests.stats).toEqual({ rowsPulled: 0, rowsPushed: 2 });
  });

  test('gives rows the squares that come with it, by the place of the row', async () => {
    const { held, requests } = world();
    const squares = { rows: Uint32Array.of(1), values: Float32Array.of(100, 100) };
    const pushed = held.map(({ partition }) => jest.spyOn(partition.rows, 'push'));
    await requests.push(pushOf([0, 1], [1], { squares }));
    expect(pushed.map(({ mock }) => [...(mock.calls[0]!.at(-1)! as Float32Array)])).toEqual([
      [1, 1, 100, 100],
      [1, 1, 100, 100],
    ]);
  });

  test('that comes again changes nothing, and is answered when what it found is durable', async () => {
    const { held, durable, requests } = world();
    await requests.push(pushOf([0], [1]));
    expect(await requests.push(pushOf([0], [1]))).toMatchObject({ outcome: 'duplicate' });
    expect(rowOf(held[0]!.partition, 10)).toEqual([-1, -1]);
    expect(durable).toEqual([0, 0]);
  });

  test('is applied where it is missing, when one of its partitions has it already', async () => {
    const { held, requests } = world();
    await requests.push(pushOf([0], [1]));
    expect(await requests.push(pushOf([0, 1], [1]))).toMatchObject({ outcome: 'applied' });
    expect(rowOf(held[0]!.partition, 10)).toEqual([-1, -1]);
    expect(rowOf(held[1]!.partition, 11)).toEqual([-2, -2]);
  });

  test('of several batches, some of which are in, does nothing: each is to be sent by itself', async () => {
    const { held, durable, requests } = world();
    await requests.push(pushOf([0], [1]));
    expect(await requests.push(pushOf([0, 1], [1, 2]))).toMatchObject({ outcome: 'mixed' });
    expect(rowOf(held[1]!.partition, 11)).toEqual([0, 0]);
    expect(durable).toEqual([0]);
  });

  test('is refused as a whole when one of its partitions is not owned at its epoch, or not known', async () => {
    const { held, requests } = world();
    const stale = pushOf([0, 1], [1], { epochs: Uint32Array.of(4, 3) });
    await expect(requests.push(stale)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(requests.push(pushOf([0, 7], [1]))).rejects.toMatchObject({ code: 'NOT_OWNER' });
    expect(rowOf(held[0]!.partition, 10)).toEqual([0, 0]);
  });

  test('of gradients that no row would survive is refused whole, and none of it is applied or booked', async () => {
    const { held, requests } = world();
    for (const broken of [NaN, -Infinity, 1e16]) {
      const gradients = Float32Array.of(1, 1, 2, broken);
      await expect(requests.push(pushOf([0, 1], [1], { gradients }))).rejects.toMatchObject({
        code: 'NOT_FINITE',
      });
    }
    expect(rowOf(held[0]!.partition, 10)).toEqual([0, 0]);
    expect(await requests.push(pushOf([0, 1], [1]))).toMatchObject({ outcome: 'applied' });
  });

  test('of another specification is refused', async () => {
    const { requests } = world();
    await expect(requests.push(pushOf([0], [1], { specHash: 'other' }))).rejects.toMatchObject({
      code: 'SPEC_MISMATCH',
    });
  });
});

describe('a shard whose lease has run out', () => {
  test('refuses pulls and pushes of what it owns, and takes them again with the lease', async () => {
    const { lease, held, requests } = world();
    lease.valid = false;
    await expect(requests.push(pushOf([0], [1]))).rejects.toMatchObject({ code: 'FENCED' });
    expect(() => requests.pull(pushOf([0], [1]))).toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    );
    expect(held[0]!.partition.applied.count).toBe(0);
    lease.valid = true;
    await requests.push(pushOf([0], [1]));
    expect(held[0]!.partition.applied.count).toBe(1);
  });
});

test('a pull reads rows grouped by partition', async () => {
  const { requests } = world();
  await requests.push(pushOf([0, 1], [1]));
  const { rows } = requests.pull(pushOf([1, 0], [1]));
  expect([...rows]).toEqual([-2, -2, -1, -1]);
  expect(requests.stats).toEqual({ rowsPulled: 2, rowsPushed: 2 });
});
