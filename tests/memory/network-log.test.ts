import { beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { DenseLedger } from '../../actors/dense-shard/dense-ledger.js';
import { DenseLog } from '../../actors/dense-shard/dense-log.js';
import { adamDefaults } from '../../core/model/adam.js';
import { names } from '../../messages/default-names.testkit.js';
import { keptState, newestState } from '../../replication/network-log.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { MemoryBus } from '../../simulation/nats/memory-bus.js';
import type { VirtualTime } from '../../simulation/time/virtual-time.js';
import { memoryWorld } from '../support/memory-world.js';

/** A network that is longer than a message of these servers, which take 1 MiB: three parts. */
const parameterCount = 200_000;
const shape = { hash: 'h', outcomes: ['click'], earlier: new Map() };

let time: VirtualTime;
let bus: MemoryBus;
let connect: () => MemoryBus;

beforeEach(() => {
  const world = memoryWorld(1);
  ({ time, connect } = world);
  const limits = {
    maxAgeMs: 0,
    discard: 'old',
    duplicateWindowMs: 120_000,
    cluster: 'train',
  } as const;
  const dense = [names.pattern('denseState'), names.pattern('denseStatePart')];
  world.servers.declare({ name: names.stream.dense, subjects: dense, ...limits });
  const deltas = [names.pattern('deltaDense')];
  world.servers.declare({ name: names.stream.deltas, subjects: deltas, ...limits });
  bus = connect();
});

function life(epoch: number) {
  const ledger = new DenseLedger(new Float32Array(parameterCount), adamDefaults);
  const context = {
    ...{ bus: connect(), log: pino({ level: 'silent' }), identity: { epoch } },
  } as unknown as ActorContext;
  return { ledger, log: new DenseLog(context, ledger, shape) };
}

function learn(ledger: DenseLedger, batch: number): void {
  const gradient = Float32Array.from({ length: parameterCount }, (_value, i) => (i % 7) - batch);
  ledger.apply(Float64Array.of(batch), gradient);
}

const stateOf = ({ parameters, denseVersion, applied, ...ledger }: DenseLedger) => ({
  ...{ parameters: parameters.slice(), denseVersion, applied: applied.encode() },
  ...ledger,
});

describe('a network of several messages', () => {
  test('is found again by the next life as it was saved, with its optimizer and batches', async () => {
    const first = life(1);
    await time.run(first.log.open());
    for (const batch of [1, 2]) learn(first.ledger, batch);
    await time.run(first.log.save());
    expect((await time.run(newestState(bus)))!.parts).toHaveLength(3);
    const second = life(2);
    await time.run(second.log.open());
    expect(stateOf(second.ledger)).toEqual(stateOf(first.ledger));
    expect(second.ledger.optimizerState()).toEqual(first.ledger.optimizerState());
  });

  test('is saved as of one moment, though it goes on learning meanwhile', async () => {
    const first = life(1);
    await time.run(first.log.open());
    learn(first.ledger, 1);
    const saved = stateOf(first.ledger);
    const saving = first.log.save();
    learn(first.ledger, 2);
    await time.run(saving);
    const second = life(2);
    await time.run(second.log.open());
    expect(stateOf(second.ledger)).toEqual(saved);
  });

  test('that was being saved when its shard died is the one before', async () => {
    const first = life(1);
    await time.run(first.log.open());
    learn(first.ledger, 1);
    await time.run(first.log.save());
    const saved = stateOf(first.ledger);
    // Parts of a newer one, which nobody names.
    const name = names.subject.denseStatePart('main', 0);
    await time.run(bus.append(name, (await time.run(newestState(bus)))!.parts[0]!));
    const second = life(2);
    await time.run(second.log.open());
    expect(stateOf(second.ledger)).toEqual(saved);
  });

  test('of a shard that another life has taken over from is refused at its end', async () => {
    const first = life(1);
    await time.run(first.log.open());
    const second = life(2);
    await time.run(second.log.open());
    learn(first.ledger, 1);
    await expect(time.run(first.log.save())).rejects.toMatchObject({ code: 'FENCED' });
    const third = life(3);
    await time.run(third.log.open());
    expect(third.ledger.applied.count).toBe(0);
  });

  test('kept beside the rows is found by when it was kept, without what was left half', async () => {
    const { ledger, log } = life(1);
    await time.run(log.open());
    learn(ledger, 1);
    await time.run(log.checkpoint());
    const { lastSequence } = await time.run(bus.streamState(names.stream.deltas));
    // The first part of one that did not come to its end.
    const name = names.subject.deltaDense('main');
    await time.run(bus.append(name, log.stateBytes()[0]!));
    learn(ledger, 2);
    await time.run(log.checkpoint());
    const at = async (sequence: number) =>
      (await time.run(log.checkpointAt(sequence)))?.denseVersion;
    expect([await at(lastSequence - 1), await at(lastSequence), await at(1_000)]).toEqual([
      ...[undefined, 1, 2],
    ]);
    expect(await time.run(keptState(bus, (_at, isFirst) => isFirst))).toHaveLength(3);
  });
});
