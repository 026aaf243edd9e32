import { every, sleep, type Cancel } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { Rollout } from '../../messages/rollouts.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { DrainKeeper } from '../drains/drain-keeper.js';
import type { DrainStore } from '../drains/drain-store.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import { configVersions } from './config-versions.js';
import type { RunningConfigs } from './running-configs.js';

/** Actors finish what they have; a start reads all rows back. */
const stopMsMax = 60_000;
const startMsMax = 10 * 60_000;
/** For another data center to be able to take over: what is slow is taken out of service by itself, and back. */
const takeOverMsMax = 5 * 60_000;
const tryAgainMs = 1_000;
/**
 * After a change that has come to a stop in the middle, and for one that somebody has begun who took himself for the leader still. Too
 * high: training waits meanwhile. Too low: reads for nothing.
 */
const lookMs = 10_000;

export interface RolloutOptions {
  readonly bus: Pick<Bus, 'names' | 'bucketGet' | 'clock'>;
  readonly config: ClusterConfig;
  readonly term: number;
  readonly configs: RunningConfigs;
  readonly view: Pick<ClusterView, 'actors' | 'hosts' | 'until' | 'serves'>;
  readonly drainer: Pick<DrainKeeper, 'drain' | 'undrain'>;
  readonly drains: Pick<DrainStore, 'isDrained' | 'entries'>;
  readonly record: (event: Omit<SupervisionEvent, 'atMs'>) => void;
  readonly log: (line: string) => void;
}

type Tell = (text: string) => void;

/**
 * Brings all actors to the newest version of the configuration, so that somebody answers all the while. Who reads knows the versions before,
 * and not those to come; so readers change before writers:
 *
 *   1. training stops: events wait in RAW of each data center, and answers go on from what is there
 *   2. one inference data center after the other is taken out of service, stopped, started with the new version, and taken back
 *   3. training starts with the new version, and learns what has waited
 *
 * Where it stands is in the record that hosts follow, so another leader goes on from there.
 */
export class RolloutKeeper implements Stoppable {
  readonly #options: RolloutOptions;
  #rolling: Promise<void> = Promise.resolve();
  #underWay = 0;
  #stopped = false;
  #cancelLooking: Cancel = () => undefined;

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** Brings to its end what a leader before has begun, or begins still. */
  resume(): void {
    this.#look();
    this.#cancelLooking = every(this.#options.bus.clock, lookMs, () => this.#look());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLooking();
    await this.#rolling.catch(() => undefined); // Told to who asked.
  }

  /**
   * Resolves when all actors run the newest version.
   * @throws StarlingError TIMEOUT naming the data center that is late; FENCED when another leader leads.
   */
  roll(tell: Tell): Promise<void> {
    this.#underWay++;
    const rolling = this.#rolling
      .catch(() => undefined)
      .then(() => this.#roll(tell))
      .finally(() => this.#underWay--);
    this.#rolling = rolling;
    rolling.catch((error: unknown) => this.#failed(error));
    return rolling;
  }

  #look(): void {
    // What it meets is told, and tried again.
    if (this.#underWay === 0) this.roll(() => undefined).catch(() => undefined);
  }

  #failed(error: unknown): void {
    if (this.#stopped || codeOf(error) === 'FENCED') return;
    const text = `the newest configuration is not rolled out: ${codeOf(error)}: ${messageOf(error)}`;
    this.#options.log(text);
  }

  async #roll(tell: Tell): Promise<void> {
    const { bus } = this.#options;
    const newest = (await configVersions(bus)).at(-1)?.version;
    if (newest === undefined) return;
    if (!this.#isDone(newest)) await this.#change(newest, tell);
    await this.#takeBack();
  }

  async #change(newest: number, tell: Tell): Promise<void> {
    const { config, configs } = this.#options;
    const training = trainingDataCenter(config);
    const inference = this.#inOrder();
    const { drained = [] } = configs.rollout ?? {};
    await this.#write({ stopped: [training, ...this.#stoppedElsewhere(training)], drained });
    tell(`${training} stops learning; events wait`);
    await this.#untilGone(training);
    for (const name of inference) {
      await this.#changeIn(name, newest, training);
      tell(`${name} runs version ${newest}`);
    }
    const names = config.dataCenters.map(({ name }) => name);
    const versions = Object.fromEntries(names.map((name) => [name, newest]));
    await this.#write({ versions, stopped: [] });
    await this.#untilReady(training);
    tell(`${training} runs version ${newest}`);
  }

  /** By the leader before. */
  #stoppedElsewhere(training: string): string[] {
    return (this.#options.configs.rollout?.stopped ?? []).filter((name) => name !== training);
  }

  #isDone(newest: number): boolean {
    const { config, configs } = this.#options;
    return config.dataCenters.every(
      ({ name }) => configs.versionIn(name) === newest && !configs.isStopped(name),
    );
  }

  /** Inference data centers: those first that are out of service already, and can take over afterwards. */
  #inOrder(): string[] {
    const { config, drains } = this.#options;
    // One that is all has been changed as the one that trains.
    const names = config.dataCenters.flatMap(({ name, role }) =>
      role === 'inference' ? [name] : [],
    );
    const [out, serving] = [true, false].map((isOut) =>
      names.filter((name) => drains.isDrained(name) === isOut),
    );
    return [...out!, ...serving!];
  }

  /** By somebody, who is the one to take it back. */
  #isOutByHand(name: string): boolean {
    const { configs, drains } = this.#options;
    if (!drains.isDrained(name) || configs.rollout?.drained.includes(name) === true) return false;
    return drains.entries.get(name)?.by === 'hand';
  }

  /**
   * Of an inference data center. One that is out of service by somebody's hand stays out; one that was slow or stale is taken back: what was is
   * that of processes that are gone.
   */
  async #changeIn(name: string, version: number, training: string): Promise<void> {
    const { configs, drainer, drains } = this.#options;
    const others = this.#inOrder().filter((each) => each !== name);
    const isAlone = others.every((each) => this.#isOutByHand(each));
    const takesOut = !isAlone && !this.#isOutByHand(name);
    const drained = takesOut ? [name] : [];
    if (configs.versionIn(name) !== version || configs.isStopped(name)) {
      // Noted before it is done: another leader must know that it is to be taken back.
      await this.#write({ stopped: [training], drained });
      if (takesOut && !drains.isDrained(name)) await this.#drain(name);
      await this.#write({ stopped: [training, name], drained });
      await this.#untilGone(name);
      const versions = { ...configs.rollout?.versions, [name]: version };
      await this.#write({ versions, stopped: [training], drained });
      await this.#untilReady(name);
    }
    if (takesOut && drains.isDrained(name)) await drainer.undrain(name);
  }

  /** When another one can take over. @throws StarlingError as `drain` does, after a while. */
  async #drain(name: string): Promise<void> {
    const { bus, drainer } = this.#options;
    const endMs = bus.clock.nowMs() + takeOverMsMax;
    for (;;) {
      try {
        return await drainer.drain(name);
      } catch (error) {
        if (codeOf(error) !== 'BAD_REQUEST' || bus.clock.nowMs() > endMs) throw error;
        await sleep(bus.clock, tryAgainMs);
        this.#requireLeading();
      }
    }
  }

  /** What a leader before has taken out of service for a change that has come to its end since. */
  async #takeBack(): Promise<void> {
    const { configs, drainer, drains } = this.#options;
    const drained = configs.rollout?.drained ?? [];
    if (drained.length === 0) return;
    for (const name of drained) if (drains.isDrained(name)) await drainer.undrain(name);
    await this.#write({});
  }

  async #write(change: Partial<Rollout>): Promise<void> {
    const { configs, config, term, record } = this.#options;
    this.#requireLeading();
    const versions = Object.fromEntries(
      config.dataCenters.map(({ name }) => [name, configs.versionIn(name)]),
    );
    const next = { versions, stopped: [], drained: [], ...change, term };
    await configs.write(next);
    const running = Object.entries(next.versions).map(([name, version]) => `${name} ${version}`);
    const stopped = next.stopped.length > 0 ? `; stopped: ${next.stopped.join(', ')}` : '';
    const detail = `versions: ${running.join(', ')}${stopped}`;
    record({ address: 'configuration', type: 'configure', detail, epoch: term });
  }

  #untilGone(name: string): Promise<void> {
    const { view } = this.#options;
    const isGone = (): boolean =>
      view.hosts().every(({ actors }) => actors.every(({ dataCenter }) => dataCenter !== name));
    return this.#until(isGone, stopMsMax, `actors of ${name} have not stopped`);
  }

  #untilReady(name: string): Promise<void> {
    const { view } = this.#options;
    const isReady = (): boolean => {
      const there = view.actors().filter(({ dataCenter }) => dataCenter === name);
      return there.length > 0 && there.every(({ state }) => state === 'ready');
    };
    return this.#until(isReady, startMsMax, `actors of ${name} are not ready`);
  }

  async #until(holds: () => boolean, timeoutMs: number, but: string): Promise<void> {
    const { view } = this.#options;
    const done = await view.until(() => this.#stopped || holds(), timeoutMs);
    this.#requireLeading();
    if (done) return;
    const text = `after ${timeoutMs / 1_000} s some ${but}; see \`starling status\`.`;
    throw new StarlingError('TIMEOUT', text);
  }

  #requireLeading(): void {
    if (this.#stopped) throw new StarlingError('UNAVAILABLE', 'this host leads no more.');
  }
}
