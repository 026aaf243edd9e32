import { isDeepStrictEqual } from 'node:util';
import { codeOf, messageOf, StarlingError } from '../../core/base/errors.js';
import { mainIdentity, mainModel, modelNumberOf } from '../../core/base/model-identity.js';
import { answersRequests, trainingDataCenter } from '../../core/config/data-centers.js';
import {
  configOfMain,
  configOfModel,
  type ModelOverrides,
} from '../../core/config/model-config.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { addressOf } from '../../messages/actor-spec.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { ModelBeginning, StartModel } from '../../messages/model-requests.js';
import {
  identityOf,
  modelKinds,
  trainerQueue,
  type ModelRecord,
  type ModelState,
} from '../../messages/models.js';
import type { ServingModels } from '../../core/config/settings.js';
import { lastToken } from '../../messages/subjects.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { isRetryable, retry, type RetryPolicy } from '../../runtime/retry.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import { restore } from '../operations/restore.js';
import { ledModel, type LedModel } from './led-model.js';
import { cutOf } from './model-beginning.js';
import { ModelPartitions } from './model-partitions.js';
import { contentOf } from './snapshot-content.js';
import { ModelStore } from './model-store.js';
import {
  answers,
  chooseServing,
  promoted,
  rolledBack,
  servingNow,
  withCanary,
} from './serving-choice.js';
import { removeLeftovers } from './model-leftovers.js';

/** For the actors of a model to begin, and to have read their rows. */
const readyMsMax = 10 * 60_000;
/** Events may say that they happen so much later than they are accepted. */
const eventAheadMs = 2_000;
/** For them to go. */
const goneMsMax = 120_000;
/** What was begun is ended, however long it takes, while this leader leads; but for what can't be, such as a snapshot of another shape. */
const finishPolicy: RetryPolicy = {
  baseMs: 500,
  capMs: 10_000,
  worth: (error) => codeOf(error) !== 'FENCED' && isRetryable(error),
};

export interface ModelKeeperOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** Of the leader that this works for. */
  readonly term: number;
  readonly log: (line: string) => void;
  readonly record: (event: SupervisionEvent) => void;
}

/** Where the actors are, and how they get there. */
export interface ModelActors {
  readonly view: Pick<ClusterView, 'actors' | 'hosts' | 'until' | 'untilReady'>;
  readonly place: () => Promise<void>;
  readonly hostOf: (address: string) => string | undefined;
}

/**
 * The models beside `main`: a list that the leader keeps, from which their actors follow, and the steps from one state of a
 * model to the next. What a leader has begun the next one ends.
 */
export class ModelKeeper implements Stoppable {
  readonly #options: ModelKeeperOptions;
  readonly #store: ModelStore;
  readonly #partitions = new Map<string, ModelPartitions>();
  readonly #stopping = new AbortController();
  /** By name, what is being done to a model. */
  readonly #steps = new Map<string, Promise<void>>();
  #actors: ModelActors | undefined;

  private constructor(options: ModelKeeperOptions, store: ModelStore) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: ModelKeeperOptions): Promise<ModelKeeper> {
    return new ModelKeeper(options, await ModelStore.open(options.bus, options.term));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#partitions.values()].map((each) => each.stop()));
    await this.#store.stop();
  }

  get records(): readonly ModelRecord[] {
    return this.#store.models;
  }

  get partitions(): readonly ModelPartitions[] {
    return [...this.#partitions.values()];
  }

  /** Those that have actors, or are about to. */
  get led(): readonly LedModel[] {
    return this.records.flatMap((record) => {
      const partitions = this.#partitions.get(record.name);
      return partitions && record.state !== 'stopping'
        ? [ledModel(partitions.directory, record)]
        : [];
    });
  }

  /** Undefined: it is one of `main`. */
  ofShard(index: number): ModelPartitions | undefined {
    return this.partitions.find((each) => each.hasShard(index));
  }

  /** Each partition of each model has an owner when it resolves, so shards may start. */
  async prepare(actors: ModelActors): Promise<void> {
    this.#actors = actors;
    for (const record of this.records) if (record.state !== 'stopping') await this.#open(record);
  }

  /** Goes on with what a leader before had begun. */
  resume(): void {
    for (const { name, state } of this.records)
      if (state !== 'learning') this.#finish(name, () => undefined).catch(() => undefined);
  }

  /**
   * Resolves when the model learns and can be asked. Asked again, as an answer was lost, it goes on with the same one.
   *
   * @throws StarlingError BAD_REQUEST for a name or a value that can't be; CONFLICT where there is another model of that name.
   */
  async start(request: StartModel, tell: (text: string) => void): Promise<void> {
    const { name, from, set } = request;
    const known = this.#recordOf(name);
    if (known === undefined) await this.#add(await this.#newRecord(request));
    else if (known.from !== from || !isDeepStrictEqual(known.set, set))
      throw new StarlingError('CONFLICT', `there is another model "${name}".`, { field: 'name' });
    await this.#place();
    await this.#finish(name, tell);
    tell(`waiting for the actors of ${name}`);
    await this.#untilReady(name);
  }

  /** Resolves when nothing of it is left. @throws StarlingError BAD_REQUEST where there is no such model. */
  async end(
    { name, operation }: { readonly name: string; readonly operation: string },
    tell: (text: string) => void,
  ): Promise<void> {
    const record = this.#recordOf(name);
    if (!record) {
      const text =
        name === mainModel
          ? '`main` is there from the first start on, and goes on learning.'
          : `there is no model "${name}".`;
      throw new StarlingError('BAD_REQUEST', text, { field: 'name' });
    }
    if (answers(await this.serving(), name)) {
      const text = `people are answered by "${name}"; promote another one, or end its share, first.`;
      throw new StarlingError('BAD_REQUEST', text, { field: 'name' });
    }
    // Nothing is left to go back to.
    await this.#choose(operation, (now) =>
      now.before === name ? { ...now, before: undefined } : now,
    );
    if (record.state !== 'stopping') await this.#enter(record, 'stopping');
    await this.#finish(name, tell);
  }

  #recordOf(name: string): ModelRecord | undefined {
    return this.records.find((each) => each.name === name);
  }

  /** Which answer people. */
  async serving(): Promise<ServingModels> {
    return (await servingNow(this.#options.bus, this.#options.config)).serving;
  }

  /**
   * It answers from now on, in each data center once it has come up there to what it has learned by now.
   *
   * @throws StarlingError BAD_REQUEST for a model that there is not, or that is not taught yet; CONFLICT where somebody else has
   *   chosen meanwhile.
   */
  async promote(name: string, operation: string): Promise<void> {
    const through = await this.#learnedBy(this.#requireLearning(name));
    await this.#choose(operation, (now) => promoted(now, name, through));
  }

  /** What answered before answers again. @throws StarlingError BAD_REQUEST where there is none. */
  async rollBack(operation: string): Promise<void> {
    await this.#choose(operation, rolledBack);
  }

  /** @throws StarlingError as `promote`. */
  async canary(name: string, share: number, operation: string): Promise<void> {
    if (share > 0) this.#requireLearning(name);
    await this.#choose(operation, (now) => withCanary(now, name, share));
  }

  async #choose(operation: string, change: (now: ServingModels) => ServingModels): Promise<void> {
    const { bus, config, record } = this.#options;
    const { serving: before } = await servingNow(bus, config);
    const next = await chooseServing(bus, config, { operation, change });
    if (isDeepStrictEqual(before, next)) return;
    const { live, canary } = next;
    const detail = `answers${canary ? `, and ${canary.model} ${100 * canary.share} % of the people` : ''}`;
    record({ atMs: bus.clock.wallMs(), address: live, type: 'model', detail, epoch: 0 });
  }

  /** Undefined: it is `main`. */
  #requireLearning(name: string): ModelRecord | undefined {
    const record = this.#recordOf(name);
    if (name === mainModel) return undefined;
    if (record?.state === 'learning') return record;
    const what = record ? `is ${record.state}` : 'is not there';
    throw new StarlingError('BAD_REQUEST', `"${name}" ${what}.`, { field: 'name' });
  }

  /** Sequence of SAMPLES up to which its rows have everything. */
  async #learnedBy(record: ModelRecord | undefined): Promise<number> {
    const { bus } = this.#options;
    const queue = trainerQueue(record ?? mainIdentity);
    const { acknowledged } = await bus.workState(bus.names.stream.samples, queue);
    return Math.max(acknowledged, record?.cut ?? 0);
  }

  async #newRecord({ name, set, from, beginning }: StartModel): Promise<ModelRecord> {
    const { bus, config } = this.#options;
    if (name === mainModel)
      throw new StarlingError('BAD_REQUEST', 'there is a model "main".', { field: 'name' });
    checkSet(config, set);
    const { actors } = config;
    return {
      ...{ name, set, from },
      number: this.#store.nextNumber,
      ...(await this.#beginningOf(from, beginning)),
      state: from === '' ? 'learning' : 'filling',
      counts: Object.fromEntries(
        modelKinds.map((kind) => [kind, actors[kind]]),
      ) as ModelRecord['counts'],
      startedAtMs: bus.clock.wallMs(),
    };
  }

  /** What a snapshot knows it is not taught again, by the batch where it was learned from SAMPLES, else by the time of what happened. */
  async #beginningOf(
    from: string,
    beginning: ModelBeginning,
  ): Promise<Pick<ModelRecord, 'cut' | 'throughMs'>> {
    const { bus, config } = this.#options;
    if (from === '') return { cut: await cutOf(beginning, bus) };
    const store = openSnapshots(bus, configOfMain(config), trainingDataCenter(config));
    const { appliedThrough, throughMs } = await contentOf(store, from);
    if (appliedThrough > 0) return { cut: await cutOf({ after: appliedThrough }, bus) };
    // Events are accepted within this of when they happened: what is older than that behind the file is all in it.
    const since = beginning === 'now' ? { sinceMs: throughMs - eventAheadMs } : beginning;
    return { cut: await cutOf(since, bus), throughMs };
  }

  async #add(record: ModelRecord): Promise<void> {
    await this.#store.put(record);
    await this.#open(record);
    this.#tell(record, `begins behind sequence ${record.cut} of SAMPLES`);
  }

  /** One that is open already stays as it is. */
  async #open(record: ModelRecord): Promise<void> {
    const { bus, config, term, record: tell } = this.#options;
    if (this.#partitions.has(record.name)) return;
    const training = trainingDataCenter(config);
    const addressOfShard = (shard: number): string => addressOf(training, 'ps-shard', shard);
    const opened = await ModelPartitions.open(record, {
      ...{ bus, config, term, record: tell },
      addressOf: addressOfShard,
      hostOf: (shard) => this.#actors?.hostOf(addressOfShard(shard)),
    });
    this.#partitions.set(record.name, opened);
    const running = actorsOf(this.#actors?.view.actors() ?? [], 'ps-shard', record.name);
    await opened.keeper.prepare(
      opened.shards,
      running.some(({ pid }) => pid !== null),
    );
  }

  async #enter(record: ModelRecord, state: ModelState): Promise<void> {
    await this.#store.put({ ...record, state });
    await this.#place();
  }

  async #place(): Promise<void> {
    await this.#actors!.place();
  }

  /** Brings it out of a state that is none to stay in; one at a time for each model. */
  #finish(name: string, tell: (text: string) => void): Promise<void> {
    const running = this.#steps.get(name);
    if (running) return running;
    const { bus, log } = this.#options;
    const { signal } = this.#stopping;
    const step = retry(bus, finishPolicy, () => this.#step(name, tell), {
      signal,
      failed: (error) => log(`model ${name}: ${codeOf(error)}: ${messageOf(error)}; again`),
    }).finally(() => this.#steps.delete(name));
    this.#steps.set(name, step);
    return step;
  }

  async #step(name: string, tell: (text: string) => void): Promise<void> {
    const record = this.#recordOf(name);
    if (record?.state === 'filling') await this.#fill(record, tell);
    if (record?.state === 'stopping') await this.#remove(record, tell);
  }

  /** Rows and network as a snapshot has them; then it may be taught. */
  async #fill(record: ModelRecord, tell: (text: string) => void): Promise<void> {
    const { bus, config, term, log } = this.#options;
    await this.#untilReady(record.name);
    const model = ledModel(this.#partitions.get(record.name)!.directory, record);
    const request = { operation: bus.random.id(), to: { snapshot: record.from } };
    const restored = await restore(request, { bus, config, model, log, term }, tell);
    // Whoever asks to stop it meanwhile is heard.
    if (this.#recordOf(record.name)?.state !== 'filling') return;
    await this.#enter(record, 'learning');
    this.#tell(record, `has ${restored.changed} rows of ${record.from}`);
  }

  async #remove(record: ModelRecord, tell: (text: string) => void): Promise<void> {
    const { bus, config } = this.#options;
    const { name } = record;
    tell(`stopping the actors of ${name}`);
    await this.#place();
    await this.#untilGone(record);
    await this.#partitions.get(name)?.stop();
    this.#partitions.delete(name);
    tell(`removing what ${name} has left in logs`);
    const identity = identityOf(record);
    const dataCenters = config.dataCenters.filter(answersRequests).map((each) => each.name);
    await removeLeftovers(identity, { bus, config, dataCenters });
    await this.#store.remove(name);
    await this.#place();
    this.#tell(record, 'is stopped');
  }

  async #untilReady(name: string): Promise<void> {
    const { view } = this.#actors!;
    const own = view.actors().filter(({ model }) => model === name);
    await view.untilReady(
      readyMsMax,
      own.map(({ address }) => address),
    );
  }

  async #untilGone({ name, number }: ModelRecord): Promise<void> {
    const { view } = this.#actors!;
    const isOf = (address: string): boolean => modelNumberOf(Number(lastToken(address))) === number;
    const left = (): boolean =>
      view.hosts().some(({ actors }) => actors.some(({ address }) => isOf(address)));
    if (await view.until(() => !left(), goneMsMax)) return;
    const text = `after ${goneMsMax} ms actors of ${name} still run.`;
    throw new StarlingError('TIMEOUT', text);
  }

  #tell({ name }: ModelRecord, detail: string): void {
    const { bus, record } = this.#options;
    record({ atMs: bus.clock.wallMs(), address: name, type: 'model', detail, epoch: 0 });
  }
}

/** @throws StarlingError BAD_REQUEST for what no model has of its own, or a value that can't be. */
function checkSet(config: ClusterConfig, set: ModelOverrides): void {
  const stranger = Object.keys(set).find((path) => !path.startsWith('model.'));
  if (stranger !== undefined) {
    const text = `${stranger}: a model has only values under \`model\` of its own; all others are of the cluster.`;
    throw new StarlingError('BAD_REQUEST', text, { field: stranger });
  }
  try {
    configOfModel(config, { ...mainIdentity, name: 'candidate' }, set);
  } catch (error) {
    throw new StarlingError('BAD_REQUEST', messageOf(error), { field: 'set' }, { cause: error });
  }
}
