import { StarlingError } from '../../core/base/errors.js';
import type { Operation } from '../../messages/operations.js';
import {
  operationReply,
  parseDrain,
  parseOperation,
  parseRestore,
  parseScale,
} from '../../messages/operations.js';
import { parsePersonOperation, personReply, type PersonReply } from '../../messages/person.js';
import type { OperateVerb } from '../../messages/subjects.js';
import { telling, type Tell } from '../../runtime/long-work.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { DrainKeeper } from '../drains/drain-keeper.js';
import type { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import { PersonEraser } from './erase-person.js';
import { PersonFinder, type FindOptions } from './find-person.js';
import type { RestoreOptions } from './restore.js';
import { restore } from './restore.js';
import type { Scale } from './scale.js';
import { changeConfig } from './change-config.js';
import { settingsNow } from './change-settings.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseConfigRequest } from '../../messages/config-versions.js';
import type { RolloutKeeper } from '../config/rollout-keeper.js';
import { parseModelRequest, type ModelRequest } from '../../messages/model-requests.js';
import type { ModelKeeper } from '../models/model-keeper.js';
import { parseSettingsRequest } from '../../messages/settings.js';
import { parsePeopleRequest, peopleReply } from '../../messages/people.js';
import { admitPeople } from '../people.js';

const operationMsMax = 60 * 60_000;
/** People looked for at once, with the one who is erased. */
const findingMax = 4;
/** Most erasures take some seconds. */
const erasureMs = 2_000;
/** An erasure may wait for minutes for somebody who is gone, a restore takes as long as its rows; a host that is asked to stop does not. */
const stopMsMax = 3_000;

export interface OperationsOptions extends RestoreOptions {
  readonly snapshots: SnapshotKeeper;
  readonly scale: Scale;
  readonly modelKeeper: ModelKeeper;
  /** Of which rows are looked through for a person. */
  readonly models: FindOptions['models'];
  readonly drainer: Pick<DrainKeeper, 'drain' | 'undrain'>;
  /** Left out: configurations do not change here. */
  readonly rollout?: Pick<RolloutKeeper, 'roll'> | undefined;
  /** What training runs. */
  readonly configNow: () => ClusterConfig;
  /** @throws StarlingError FENCED where the leader is another by now. */
  readonly confirm: () => Promise<void>;
  readonly onRestored: (detail: string) => void;
  readonly onSettings: (detail: string) => void;
  readonly onErased: (detail: string) => void;
}

/** Answers what people ask of the cluster; one operation of a kind at a time, but for looking, which waits for no erasure. */
export class Operations implements Stoppable {
  readonly #options: OperationsOptions;
  readonly #endpoints: readonly ServedEndpoint[];
  #isErasing = false;
  #giveUp!: (error: StarlingError) => void;
  readonly #givenUp = new Promise<never>((_resolve, reject) => (this.#giveUp = reject));

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#givenUp.catch(() => undefined);
    const { bus, configNow, rollout, snapshots, scale, drainer } = options;
    const { onRestored, onSettings, onErased } = options;
    this.#endpoints = [
      this.#serve('snapshot', parseOperation, async (_request, tell) => {
        return { taken: await snapshots.take((text) => tell({ text, done: 0, total: 1 })) };
      }),
      this.#serve('restore', parseRestore, async (request, tell) => {
        const total = options.config.partitions + 1;
        let done = 0;
        const restored = await restore(request, options, (text) =>
          tell({ text, done: ++done, total }),
        );
        onRestored(
          `${JSON.stringify(request.to)}: ${restored.changed} rows changed, ${restored.removed} went`,
        );
        return restored;
      }),
      this.#serve('scale', parseScale, async (request, tell) => {
        await scale.to(request, tell);
        return { kind: request.kind, count: request.count };
      }),
      this.#serve('drain', parseDrain, async ({ dataCenter }) => {
        await drainer.drain(dataCenter);
        return { dataCenter };
      }),
      this.#serve('undrain', parseDrain, async ({ dataCenter }) => {
        await drainer.undrain(dataCenter);
        return { dataCenter };
      }),
      this.#serve(
        'person',
        parsePersonOperation,
        async ({ person, act }, tell) => {
          if (act === 'find') return personReply(await new PersonFinder(options).find(person));
          const erased = await this.#erase(person, tell);
          // Not who it was: this is kept for a month.
          onErased(`${erased.found.length} names`);
          return personReply(erased);
        },
        findingMax,
      ),
      this.#serve('settings', parseSettingsRequest, (request) =>
        settingsNow(request, { bus, config: configNow(), onChanged: onSettings }),
      ),
      this.#serve('config', parseConfigRequest, (request, tell) => {
        this.#refuseWithModels();
        return changeConfig(request, {
          bus,
          roll: (told) => rollout?.roll(told) ?? Promise.resolve(),
          tell: (text) => tell({ text, done: 0, total: 1 }),
        });
      }),
      this.#serve('model', parseModelRequest, (request, tell) => this.#model(request, tell)),
      this.#serve('people', parsePeopleRequest, async ({ people }) => {
        await admitPeople({ people }, bus, configNow());
        return peopleReply(configNow());
      }),
    ];
  }

  /** What is not done by then is given up, as if this process had been killed: whoever asked for it says it again to the next leader. */
  async stop(): Promise<void> {
    const cancel = this.#options.bus.clock.after(stopMsMax, () => {
      const text =
        'who leads stops, and this is not done. Say it again: what was done of it stays.';
      this.#giveUp(new StarlingError('UNAVAILABLE', text));
    });
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.stop()));
    cancel();
  }

  /** @throws StarlingError OVERLOADED while another is: each takes snapshots, and the next forgets with its own. */
  async #erase(person: string, tell: Tell): Promise<PersonReply> {
    if (this.#isErasing) {
      const text = 'somebody is being erased, and one is at a time. Send it again after a pause.';
      throw new StarlingError('OVERLOADED', text, { retryAfterMs: erasureMs });
    }
    this.#isErasing = true;
    try {
      return await new PersonEraser(this.#options).erase(person, tell);
    } finally {
      this.#isErasing = false;
    }
  }

  /** What they have learned could not be read by actors of another configuration. */
  #refuseWithModels(): void {
    const names = this.#options.modelKeeper.records.map(({ name }) => name);
    if (names.length === 0) return;
    const text = `the configuration is not changed while there are models beside \`main\`: ${names.join(', ')}; stop them first.`;
    throw new StarlingError('CHANGE_REFUSED', text, { models: names });
  }

  async #model(request: ModelRequest, tell: Tell): Promise<object> {
    const { modelKeeper } = this.#options;
    const told = (text: string): void => tell({ text, done: 0, total: 1 });
    const { operation } = request;
    switch (request.act) {
      case 'list':
        break;
      case 'start':
        await modelKeeper.start(request, told);
        break;
      case 'stop':
        await modelKeeper.end(request, told);
        break;
      case 'promote':
        await modelKeeper.promote(request.name, operation);
        break;
      case 'rollback':
        await modelKeeper.rollBack(operation);
        break;
      case 'canary':
        await modelKeeper.canary(request.name, request.share, operation);
        break;
    }
    return { models: modelKeeper.records, serving: await modelKeeper.serving() };
  }

  #serve<T extends Operation>(
    verb: OperateVerb,
    parse: (value: unknown) => T,
    run: (request: T, tell: Tell) => Promise<object>,
    inFlightMax = 1,
  ): ServedEndpoint {
    const { bus, confirm } = this.#options;
    return new ServedEndpoint(bus, {
      subject: bus.names.subject.operate(verb),
      inFlightMax,
      deadlineMs: operationMsMax,
      handle: async (value) => {
        const request = parse(value);
        // Not all that is done here is refused to who leads no more, and a leader that stood still has what was asked of him meanwhile.
        await confirm();
        const done = telling(bus, request, (tell) => run(request, tell));
        return operationReply(await Promise.race([done, this.#givenUp]));
      },
    });
  }
}
