import { sleep } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import { answersRequests, trainingDataCenter } from '../../core/config/data-centers.js';
import { namesOfPerson } from '../../core/joining/person-event.js';
import { encode } from '../../messages/codec.js';
import { featureChangeMessage } from '../../messages/features.js';
import { digestCommand, parseDigests, type PartitionDigest } from '../../messages/ownership.js';
import type { PersonReply } from '../../messages/person.js';
import { call } from '../../runtime/idempotent-call.js';
import { retry } from '../../runtime/retry.js';
import type { Tell } from '../../runtime/long-work.js';
import { ownedPartitions, servingIndices, type LedModel } from '../models/led-model.js';
import { trainerQueue } from '../../messages/models.js';
import type { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import { PersonFinder, type FindOptions } from './find-person.js';

/** For each step. Too low: a cluster that is behind is given up on. Too high: who waits for one that does not move waits long. */
const stepMsMax = 120_000;
const snapshotPolicy = { baseMs: 500, capMs: 5_000, deadlineMs: stepMsMax } as const;
const pollMs = 100;
/** A digest is a walk over all rows, and who was asked may have died over it. */
const digestLimits = { deadlineMs: 60_000, attemptMs: 15_000 } as const;
/** A data center has several stores, and one of them answers. */
const looksInARow = 5;
/** Of before none is left then, and there is one to turn to when another is damaged. */
const snapshotsTaken = 2;

export interface EraseOptions extends FindOptions {
  readonly snapshots: Pick<SnapshotKeeper, 'takeWhole'>;
}

/**
 * Forgets somebody, step by step, each of which can be said again: the word of it into RAW, from where it goes to the joiners and to
 * whoever keeps features; what was learned of him from samples that were on their way; his rows; and then two snapshots, which
 * are all that is left, so that the logs behind them are trimmed. Who is killed meanwhile is asked again, and begins anew.
 *
 * What logs keep by age goes with it (docs/erasure.md).
 */
export class PersonEraser {
  readonly #options: EraseOptions;
  readonly #finder: PersonFinder;

  constructor(options: EraseOptions) {
    this.#options = options;
    this.#finder = new PersonFinder(options);
  }

  /** @throws StarlingError TIMEOUT where a part of the cluster does not move; all that was done stays done. */
  async erase(person: string, tell: Tell): Promise<PersonReply> {
    const { bus, snapshots } = this.#options;
    const total = 5 + snapshotsTaken;
    let done = 0;
    const step = (text: string): void => tell({ text, done: done++, total });
    step('looking for all that is kept');
    const before = await this.#finder.find(person);
    const names = before.found.map(({ name }) => name);
    step(
      `saying that ${names.length === 1 ? 'the person is' : `${names.length} names are`} to be forgotten`,
    );
    const untilMs = await this.#say(names);
    step('waiting for joiners and feature stores');
    await this.#untilHeard(names, untilMs);
    step('waiting for what was on its way to be learned');
    await this.#untilLearned();
    step('removing rows');
    for (const name of names) await this.#finder.rows(name, true);
    await this.#untilServed();
    await this.#pushOn();
    for (let i = 1; i <= snapshotsTaken; i++) {
      step(`taking snapshot ${i} of ${snapshotsTaken}`);
      // One that fails as its shard is being replaced says nothing against the next; and without one in any data center he is still
      // in what was taken there before, and in the logs that are kept for it.
      await retry(bus, snapshotPolicy, () => snapshots.takeWhole(snapshotsTaken));
    }
    return { ...before, erasedUntilMs: untilMs };
  }

  /** @returns when it was accepted. */
  async #say(names: readonly string[]): Promise<number> {
    const { bus, configNow } = this.#options;
    const dataCenter = trainingDataCenter(configNow());
    const events = names.map((name) => {
      const { user, visitor } = namesOfPerson(name);
      return user === '' ? { visitor } : { user };
    });
    const messageId = bus.random.id();
    const policy = { baseMs: 50, capMs: 1_000, deadlineMs: stepMsMax };
    const subject = bus.names.subject.raw(dataCenter, 'erase');
    const sequence = await retry(bus, policy, () =>
      bus.append(subject, encode(events), { messageId, timeoutMs: 5_000 }),
    );
    const said = await bus.messageAt(bus.names.stream.raw(dataCenter), sequence);
    if (said) return said.atMs;
    const text = 'the erasure is accepted, and its record can not be read; say it again.';
    throw new StarlingError('UNAVAILABLE', text, { sequence });
  }

  async #untilHeard(names: readonly string[], untilMs: number): Promise<void> {
    const { bus, configNow } = this.#options;
    const isSince = (known: number | null): boolean => known !== null && known >= untilMs;
    for (const name of names) {
      await this.#until('the joiners have not heard of it', async () => {
        const windows = await this.#finder.inWindows(name);
        return windows.every(({ forgottenUntilMs }) => isSince(forgottenUntilMs));
      });
      const { lastSequence } = await bus.streamState(bus.names.stream.activity);
      for (const { name: dataCenter } of configNow().dataCenters) {
        let looks = 0;
        await this.#until(`the feature stores of ${dataCenter} have not heard of it`, async () => {
          const store = await this.#finder.inStore(name, dataCenter);
          const hasHeard = isSince(store.forgottenUntilMs) && store.activity >= lastSequence;
          looks = hasHeard ? looks + 1 : 0;
          return looks === looksInARow;
        });
      }
    }
  }

  /** Of samples that joiners had said already. */
  async #untilLearned(): Promise<void> {
    const { bus, models } = this.#options;
    const { samples } = bus.names.stream;
    // What comes out of a snapshot later would bring him back.
    await this.#until('a model is still being filled', async () =>
      models().every(({ isFilling }) => !isFilling),
    );
    const { lastSequence } = await bus.streamState(samples);
    for (const { identity } of models())
      await this.#until('training has not come to what was to be learned before', async () => {
        const { acknowledged, left } = await bus.workState(samples, trainerQueue(identity));
        return left === 0 || acknowledged >= lastSequence;
      });
  }

  /** Who serves has what the owners have, of each model. */
  async #untilServed(): Promise<void> {
    for (const model of this.#options.models()) await this.#untilServedOf(model);
  }

  async #untilServedOf(model: LedModel): Promise<void> {
    const { bus, configNow } = this.#options;
    const { name: of } = model.identity;
    const owned = new Map<number, PartitionDigest>();
    for (const shard of ownedPartitions(model).keys())
      for (const each of await this.#digests(bus.names.subject.shardControl('digest', shard), of))
        if (each.owned) owned.set(each.partition, each);
    const isBehind = ({ partition, epoch, deltaNumber }: PartitionDigest): boolean => {
      const owner = owned.get(partition);
      if (!owner) return false;
      return epoch < owner.epoch || (epoch === owner.epoch && deltaNumber < owner.deltaNumber);
    };
    for (const each of configNow().dataCenters) {
      if (!answersRequests(each)) continue;
      const { name } = each;
      for (const shard of servingIndices(model))
        await this.#until(`${name} serves what was before`, async () => {
          const subject = bus.names.subject.servingControl('digest', name, shard);
          return !(await this.#digests(subject, of)).some(isBehind);
        });
    }
  }

  async #digests(subject: string, model: string): Promise<PartitionDigest[]> {
    return parseDigests(
      await call(this.#options.bus, subject, digestCommand(model), digestLimits),
      model,
    );
  }

  /** The newest record of a log stays when it is trimmed, and must not be one that names somebody. */
  async #pushOn(): Promise<void> {
    const { bus } = this.#options;
    const nothing = featureChangeMessage({ entity: 'user', mode: 'patch', ids: [], features: [] });
    await bus.append(bus.names.subject.features('user'), encode(nothing));
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#options.bus;
    const endMs = clock.nowMs() + stepMsMax;
    while (!(await holds())) {
      if (clock.nowMs() >= endMs) {
        const text = `${what} after ${stepMsMax / 1_000} s. That somebody is to be forgotten is accepted and stays; erase again for the rest.`;
        throw new StarlingError('TIMEOUT', text);
      }
      await sleep(clock, pollMs);
    }
  }
}
