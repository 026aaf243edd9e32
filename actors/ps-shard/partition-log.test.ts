import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { parseRows, parseWeights } from '../../messages/deltas.js';
import type { RowsDelta } from '../../messages/deltas.js';
import { subject } from '../../messages/default-names.testkit.js';
import { mainModel } from '../../messages/model-name.js';
import { MemoryLog } from '../../runtime/followers/memory-log.testkit.js';
import { deltaOf, oneSlot, storedSlots } from '../../replication/trained-rows.testkit.js';
import type { DeltaContent } from './partition-log.js';
import { PartitionLog } from './partition-log.js';

const silent = { warn: () => undefined };

function contentOf(deltaNumber: number): DeltaContent {
  return deltaOf(deltaNumber);
}

function world() {
  const bus = new MemoryLog();
  const ownerOf = (epoch: number, sequence: number) =>
    new PartitionLog({ bus, log: silent }, { epoch, sequence, slots: storedSlots });
  const told = () =>
    bus.of(subject.deltaWeights(mainModel, 0)).map(({ bytes }) => {
      const { epoch, deltaNumber } = parseWeights(decode(bytes), oneSlot.tables);
      return [epoch, deltaNumber];
    });
  const written = () =>
    bus.of(subject.deltaRows(mainModel, 0)).map(({ bytes }) => {
      const { epoch, deltaNumber } = parseRows(decode(bytes), oneSlot.tables);
      return [epoch, deltaNumber];
    });
  return { bus, ownerOf, told, written };
}

describe('the log of a partition', () => {
  test('takes records of the owner that wrote last, and of no other', async () => {
    const { ownerOf, written } = world();
    const first = ownerOf(1, 0);
    await first.open(contentOf(1), []);
    await first.append(contentOf(2));
    const second = ownerOf(2, first.sequence);
    await second.open(contentOf(3), []);
    await expect(first.append(contentOf(3))).rejects.toMatchObject({ code: 'FENCED' });
    const late = ownerOf(3, first.sequence);
    await expect(late.open(contentOf(3), [])).rejects.toMatchObject({ code: 'FENCED' });
    await second.append(contentOf(4));
    expect(written()).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
    ]);
  });

  test('knows a delta again whose acknowledgement was lost', async () => {
    const { bus, ownerOf, written } = world();
    const owner = ownerOf(1, 0);
    await owner.open(contentOf(1), []);
    bus.acknowledgementsLost = 1;
    await owner.append(contentOf(2));
    await owner.append(contentOf(3));
    expect(written()).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
  });

  test('refuses to open where the first record is there and its acknowledgement was lost: it may be another’s', async () => {
    const { bus, ownerOf } = world();
    bus.acknowledgementsLost = 1;
    await expect(ownerOf(1, 0).open(contentOf(1), [])).rejects.toMatchObject({ code: 'FENCED' });
  });

  test('tells serving of weights only when the rows are there', async () => {
    const { bus, ownerOf } = world();
    const owner = ownerOf(1, 0);
    await owner.open(contentOf(1), []);
    await owner.append(contentOf(2));
    await owner.served();
    expect(bus.messages.map((message) => message.subject)).toEqual([
      subject.deltaRows(mainModel, 0),
      subject.deltaWeights(mainModel, 0),
      subject.deltaRows(mainModel, 0),
      subject.deltaWeights(mainModel, 0),
    ]);
  });

  test('tells serving what the owner before could not tell any more, once', async () => {
    const { bus, ownerOf, told } = world();
    const dead = ownerOf(1, 0);
    await dead.open(contentOf(1), []);
    await dead.served();
    // Its rows reached the log, and it died before their weights did.
    const sequence = await bus.append(subject.deltaRows(mainModel, 0), Uint8Array.of(1));
    const newest: RowsDelta[] = [deltaOf(2)];
    const heir = ownerOf(2, sequence);
    await heir.open(contentOf(3), newest);
    await heir.served();
    const next = ownerOf(3, heir.sequence);
    await next.open(contentOf(4), [{ ...deltaOf(3), epoch: 2 }]);
    await next.served();
    expect(told()).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  test('has told serving of all that was before it when it is open', async () => {
    const { bus, ownerOf, told } = world();
    const dead = ownerOf(1, 0);
    await dead.open(contentOf(1), []);
    const sequence = await bus.append(subject.deltaRows(mainModel, 0), Uint8Array.of(1));
    await ownerOf(2, sequence).open(contentOf(3), [deltaOf(2)]);
    expect(told()).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
    ]);
  });

  test('begins although the server restarts while it looks what serving knows', async () => {
    const { bus, ownerOf, told } = world();
    const sequence = await bus.append(subject.deltaRows(mainModel, 0), Uint8Array.of(1));
    const read = bus.lastMessage.bind(bus);
    let reads = 0;
    bus.lastMessage = async (...args) => {
      if (++reads === 1) throw new StarlingError('TIMEOUT', 'no answer');
      return read(...args);
    };
    const owner = ownerOf(2, sequence);
    await owner.open(contentOf(2), [deltaOf(1)]);
    await owner.served();
    expect(told()).toEqual([
      [2, 1],
      [2, 2],
    ]);
  });
});
