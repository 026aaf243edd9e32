import { describe, expect, test } from '@jest/globals';
import type { PartitionDigest } from '../../messages/ownership.js';
import { CopyLedger } from './copy-ledger.js';

const owner = { address: 'train.ps-shard.0' };
const standby = { address: 'train.ps-shard.1' };
const east = { address: 'east.serving-shard.0', servesIn: 'east' };

const all = [owner, standby, east].map(({ address }) => address);

const digest = (deltaNumber: number, changes: Partial<PartitionDigest> = {}): PartitionDigest => ({
  ...{ partition: 0, epoch: 1, deltaNumber, sequence: deltaNumber, rows: 1 },
  ...{ digest: `all ${deltaNumber}`, owned: false, settled: true },
  ...changes,
});
const owned = (deltaNumber: number, changes: Partial<PartitionDigest> = {}) =>
  digest(deltaNumber, { owned: true, served: `weights ${deltaNumber}`, ...changes });
const served = (deltaNumber: number, changes: Partial<PartitionDigest> = {}) =>
  digest(deltaNumber, { digest: `weights ${deltaNumber}`, ...changes });

function ledgerOf(...heard: readonly (readonly [{ address: string }, PartitionDigest[]])[]) {
  const ledger = new CopyLedger();
  ledger.begin(all);
  for (const [holder, digests] of heard) ledger.heard(holder, digests);
  return ledger;
}

const whole = { equal: 1, copies: 1, differing: [], silent: [], coming: [] };
const standbys = { name: 'rows of standbys', ...whole };
const inEast = { name: 'rows served in east', ...whole };

describe('copies of rows', () => {
  test('are equal where they say the same of the same record', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [standby, [digest(3)]], [east, [served(3)]]);
    expect(ledger.findings(['east'])).toEqual([standbys, inEast]);
    expect(ledger.isWhole).toBe(true);
  });

  test.each([
    ['a standby', standby, digest(3, { digest: 'other' }), 'all 3'],
    ['one that serves', east, served(3, { digest: 'other' }), 'weights 3'],
  ])('differ where %s has other rows, and it is named', (_who, holder, found, expected) => {
    const ledger = ledgerOf([holder, [found]], [owner, [owned(3)]]);
    const text = `partition 0 of ${holder.address} has other at epoch 1 delta 3, its owner train.ps-shard.0 ${expected}`;
    expect(ledger.findings([]).concat(ledger.findings(['east']))).toContainEqual(
      expect.objectContaining({ equal: 0, differing: [text] }),
    );
    expect(ledger.isWhole).toBe(false);
  });

  test('are compared when both have told of a record, whoever was there first', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [standby, [digest(2)]]);
    expect(ledger.findings([])).toEqual([{ ...standbys, equal: 0 }]);
    ledger.heard(owner, [owned(4)]);
    ledger.heard(standby, [digest(3)]);
    expect(ledger.findings([])).toEqual([standbys]);
  });

  test('that stand at another epoch, or at a record that an owner was ahead of, are not compared', () => {
    const ahead = owned(3, { digest: 'ahead', settled: false });
    const later = digest(3, { epoch: 2, digest: 'later' });
    expect(ledgerOf([owner, [ahead]], [standby, [digest(3)]]).findings([])).toEqual([
      { ...standbys, equal: 0 },
    ]);
    expect(ledgerOf([owner, [owned(3)]], [standby, [later]]).findings([])).toEqual([
      { ...standbys, equal: 0 },
    ]);
  });

  test('that were a mixture while they began again count as they are at last', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [standby, [digest(3, { digest: 'mixture' })]]);
    expect(ledger.findings([])[0]!.differing).toHaveLength(1);
    ledger.heard(standby, [digest(3)]);
    expect(ledger.findings([])).toEqual([standbys]);
  });

  test('that are none any more are forgotten', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [standby, [digest(3, { digest: 'other' })]]);
    ledger.heard(standby, [owned(4)]);
    ledger.heard(owner, [digest(4)]);
    const moved = ledger.findings([]);
    expect(moved).toEqual([standbys]);
  });

  test('of an actor that is not there any more are forgotten', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [standby, [digest(2)]]);
    ledger.begin([owner.address, 'train.ps-shard.2']);
    ledger.heard({ address: 'train.ps-shard.2' }, [digest(3)]);
    expect(ledger.findings([])).toEqual([standbys]);
    expect(ledger.isWhole).toBe(true);
  });

  test('are missed where nobody has a partition that has an owner', () => {
    const ledger = ledgerOf([owner, [owned(3), owned(3, { partition: 1 })]], [east, [served(3)]]);
    expect(ledger.findings(['east', 'west'])).toEqual([
      { ...inEast, silent: ['nobody has partition 1'] },
      {
        ...{ name: 'rows served in west', copies: 0, equal: 0, differing: [], coming: [] },
        silent: ['nobody has partition 0', 'nobody has partition 1'],
      },
    ]);
  });

  test('of one who does not answer are not known to be equal', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [east, [served(3)]]);
    ledger.begin(all);
    ledger.silent(east, 'TIMEOUT');
    expect(ledger.findings(['east'])[0]!.silent).toEqual(['east.serving-shard.0: TIMEOUT']);
    expect(ledger.isWhole).toBe(false);
  });

  test('of one who is not there yet are not known to be equal, which is no difference', () => {
    const ledger = ledgerOf([owner, [owned(3)]], [east, [served(3)]]);
    ledger.begin(all);
    ledger.coming(east, 'it is restarting');
    const coming = ['east.serving-shard.0: it is restarting'];
    expect(ledger.findings(['east'])[0]).toMatchObject({ silent: [], coming });
    expect(ledger.isWhole).toBe(false);
  });

  test('are nothing to look at where there are none', () => {
    expect(ledgerOf().findings([])).toEqual([]);
  });
});
