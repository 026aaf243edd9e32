import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import type { PartitionEntry } from '../../messages/ownership.js';
import type { DirectoryEntry } from '../../replication/partition-directory.js';
import { system } from '../../runtime/system.js';
import { OwnershipSteps } from './ownership-steps.js';

const error = (code: 'CONFLICT' | 'FENCED' | 'TIMEOUT' | 'FORBIDDEN') =>
  new StarlingError(code, code);

/** A directory of one entry, in which each change meets what is next in `meets`. */
function world({ owner = 1, epoch = 4, meets = [] as StarlingError[] } = {}) {
  const entry: DirectoryEntry = { owner, epoch, followers: [2], term: 3, revision: 9 };
  const written: PartitionEntry[] = [];
  let reads = 0;
  let opens: StarlingError | 'opened' | 'behind' = 'opened';
  const meet = (): void => {
    const met = meets.shift();
    if (met) throw met;
  };
  const directory = {
    entry: () => entry,
    refresh: async () => {
      reads++;
      meet();
      return entry;
    },
    update: async (_partition: number, next: PartitionEntry) => {
      meet();
      written.push(next);
      return { ...next, revision: 10 };
    },
  };
  const rows = {
    follow: async () => undefined,
    catchUpToOpen: async () => meet(),
    open: async () => {
      if (opens instanceof StarlingError) throw opens;
      return opens;
    },
    publisher: undefined,
    drop: async () => undefined,
  };
  const warnings: string[] = [];
  const log = { warn: (...line: unknown[]) => void warnings.push(String(line[1])) };
  let lease: StarlingError | undefined;
  const requireLease = async (): Promise<void> => {
    if (lease) throw lease;
  };
  const ports = { bus: system, index: 1, directory, requireLease, log };
  const steps = new OwnershipSteps(0, ports, rows);
  const laterLife = (): void => void (lease = new StarlingError('FENCED', 'a later life has it'));
  const opening = (outcome: typeof opens) => (opens = outcome);
  return { steps, written, warnings, opening, laterLife, reads: () => reads };
}

const { signal } = new AbortController();

describe('a claim', () => {
  test('writes the entry as it was, with the epoch', async () => {
    const { steps, written } = world();
    expect(await steps.claim(5)).toEqual({ type: 'CLAIMED' });
    expect(written).toEqual([{ owner: 1, epoch: 5, followers: [2], term: 3 }]);
  });

  test('writes nothing where somebody else is named, or the epoch is no new one', async () => {
    const other = world({ owner: 2 });
    expect(await other.steps.claim(5)).toEqual({ type: 'REFUSED' });
    const same = world();
    expect(await same.steps.claim(4)).toEqual({ type: 'REFUSED' });
    expect([...other.written, ...same.written]).toEqual([]);
  });

  test('of a process that is not the shard any more writes nothing, and is not asked for at once again', async () => {
    const { steps, written, laterLife } = world();
    laterLife();
    const fromMs = performance.now();
    expect(await steps.claim(5)).toEqual({ type: 'REFUSED' });
    expect(performance.now() - fromMs).toBeGreaterThan(200);
    expect(written).toEqual([]);
  });

  test.each(['CONFLICT', 'FENCED', 'TIMEOUT'] as const)(
    'that met %s is not tried again as it is: what became of it has to be looked at',
    async (code) => {
      const { steps } = world({ meets: [error(code)] });
      expect(await steps.claim(5)).toEqual({ type: 'REFUSED' });
    },
  );

  test('that no retry mends is thrown', async () => {
    const { steps } = world({ meets: [error('FORBIDDEN')] });
    await expect(steps.claim(5)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a confirmation', () => {
  test('writes the entry once more as it is', async () => {
    const { steps, written } = world();
    expect(await steps.confirm(4, signal)).toEqual({ type: 'CONFIRMED' });
    expect(written).toEqual([{ owner: 1, epoch: 4, followers: [2], term: 3 }]);
  });

  test('never takes the entry back to an earlier epoch', async () => {
    const { steps, written } = world({ epoch: 5 });
    expect(await steps.confirm(4, signal)).toEqual({ type: 'REFUSED' });
    expect(written).toEqual([]);
  });

  test('waits for a bucket that is away, and says so', async () => {
    const { steps, written, warnings } = world({ meets: [error('TIMEOUT')] });
    expect(await steps.confirm(4, signal)).toEqual({ type: 'CONFIRMED' });
    expect(written).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  test('is refused where somebody else has changed the entry', async () => {
    const { steps } = world({ meets: [error('CONFLICT')] });
    expect(await steps.confirm(4, signal)).toEqual({ type: 'REFUSED' });
  });
});

test('a look is not tried again when nobody waits for it any more', async () => {
  const { steps, reads } = world({ meets: [error('TIMEOUT'), error('TIMEOUT')] });
  const left = new AbortController();
  left.abort();
  await expect(steps.look(left.signal)).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(reads()).toBe(1);
});

describe('opening the log', () => {
  test.each([
    ['opened', 'OPENED'],
    ['behind', 'BEHIND'],
    [error('FENCED'), 'REFUSED'],
  ] as const)('that ends with %s means %s', async (outcome, type) => {
    const { steps, opening } = world();
    opening(outcome);
    expect(await steps.open(5)).toEqual({ type });
  });

  test('that no retry mends is thrown', async () => {
    const { steps, opening } = world();
    opening(error('FORBIDDEN'));
    await expect(steps.open(5)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
