import { codeOf, messageOf } from '../../core/base/errors.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { personKeysOf } from '../../core/features/person-keys.js';
import { isVisitor } from '../../core/joining/person-event.js';
import type { PersonInWindow } from '../../core/joining/types.js';
import {
  parseRowsReply,
  parseStorePerson,
  parseWindowPerson,
  personRequest,
  rowsCommand,
  type FoundPerson,
  type FoundRow,
  type PersonInStore,
  type PersonReply,
} from '../../messages/person.js';
import { ownedPartitions, type LedModel } from '../models/led-model.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { retry } from '../../runtime/retry.js';

export interface FindOptions {
  readonly bus: Bus;
  /** What training runs: that changes, also while somebody is looked for. */
  readonly configNow: () => ClusterConfig;
  /** All that have rows of people. */
  readonly models: () => readonly LedModel[];
  /** Of the leader this works for. */
  readonly term: number;
}

const limits = { deadlineMs: 10_000, attemptMs: 3_000 } as const;
/** One look at who owns what is as old as that. */
const ownerLimits = { deadlineMs: 3_000, attemptMs: 3_000 } as const;
/** For a shard to be replaced, and to recover. */
const ownersPolicy = { baseMs: 100, capMs: 1_000, deadlineMs: 60_000 } as const;
/** Names of one person. Beyond it the rest is what the joiners find by themselves. */
const namesMax = 1_000;

/** What the cluster keeps of somebody that is in use: in windows, in the stores of each data center, and in rows of his own. */
export class PersonFinder {
  readonly #options: FindOptions;

  constructor(options: FindOptions) {
    this.#options = options;
  }

  /** @throws StarlingError what joiners or shards met; a data center that can't be asked is told of. */
  async find(person: string): Promise<PersonReply> {
    const silent: Record<string, string> = {};
    const found: FoundPerson[] = [];
    for (const [name, window] of await this.#namesOf(person)) {
      const stores = await this.#inStores(name, silent);
      found.push({ name, window, stores, rows: await this.rows(name, false) });
    }
    const dataCenters = this.#options
      .configNow()
      .dataCenters.map(({ name, role }) => ({ name, role }));
    return { found, erasedUntilMs: null, dataCenters, silent };
  }

  /** In all partitions: events wait where the request is sought that they name. */
  async inWindows(name: string): Promise<readonly PersonInWindow[]> {
    const { bus, configNow } = this.#options;
    return Promise.all(
      Array.from({ length: joinPartitions(configNow()) }, async (_each, partition) =>
        parseWindowPerson(
          await call(bus, bus.names.subject.joinPerson(partition), personRequest(name), limits),
        ),
      ),
    );
  }

  /** @throws StarlingError what the stores of the data center met. */
  async inStore(name: string, dataCenter: string): Promise<PersonInStore> {
    const { bus } = this.#options;
    const subject = bus.names.subject.featureControl('person', dataCenter);
    return parseStorePerson(await call(bus, subject, personRequest(name), limits));
  }

  /** Rows of his own, of who owns them; `forget`: they are removed, which is in the log when it resolves. */
  async rows(name: string, forget: boolean): Promise<FoundRow[]> {
    const { bus, configNow, models, term } = this.#options;
    const keys = personKeysOf(featureSpecOf(configNow().features), name);
    if (keys.length === 0) return [];
    const rowsIn = async (shard: number, model: string): Promise<FoundRow[]> => {
      const command = rowsCommand({ keys, forget, term }, model);
      const subject = bus.names.subject.shardControl('rows', shard);
      return parseRowsReply(await call(bus, subject, command, ownerLimits), model);
    };
    // Each time of those who own them by then: partitions may move, or be recovered by somebody else.
    return retry(bus, ownersPolicy, async () => {
      const replies = await Promise.all(
        models().flatMap((model) =>
          [...ownedPartitions(model).keys()].map((shard) => rowsIn(shard, model.identity.name)),
        ),
      );
      return replies.flat();
    });
  }

  /** All that he is by: who he is by now, of an account, and who became him. */
  async #namesOf(person: string): Promise<Map<string, PersonInWindow>> {
    const found = new Map<string, PersonInWindow>();
    const left = [person];
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (found.has(name) || found.size >= namesMax) continue;
      const window = merged(await this.inWindows(name));
      found.set(name, window);
      left.push(...window.names);
      // A visitor is one user at a time; who is erased is not whoever uses the device now.
      if (window.owner !== null && !isVisitor(name)) left.push(window.owner);
    }
    return found;
  }

  async #inStores(
    name: string,
    silent: Record<string, string>,
  ): Promise<Record<string, PersonInStore>> {
    const { dataCenters } = this.#options.configNow();
    const stores: Record<string, PersonInStore> = {};
    await Promise.all(
      dataCenters.map(async ({ name: dataCenter }) => {
        try {
          stores[dataCenter] = await this.inStore(name, dataCenter);
        } catch (error) {
          silent[dataCenter] = `${codeOf(error)}: ${messageOf(error)}`;
        }
      }),
    );
    return stores;
  }
}

function merged(windows: readonly PersonInWindow[]): PersonInWindow {
  const untils = windows.flatMap(({ forgottenUntilMs }) => forgottenUntilMs ?? []);
  return {
    owner: windows.find(({ owner }) => owner !== null)?.owner ?? null,
    names: windows.flatMap(({ names }) => names),
    // As long as one does not know of it, it is not so.
    forgottenUntilMs: untils.length < windows.length ? null : Math.min(...untils),
    rows: windows.flatMap(({ rows }) => rows),
    events: windows.flatMap(({ events }) => events),
  };
}
