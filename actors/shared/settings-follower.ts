import { messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import {
  SettingsBook,
  configWith,
  type ServingModels,
  type SettingRecord,
} from '../../core/config/settings.js';
import { decode } from '../../messages/codec.js';
import { parseSetting } from '../../messages/settings.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { logSequenceOf } from '../../runtime/followers/log-sequence.js';

/**
 * The settings of the cluster, as the copy of SETTINGS in the own data center has them: there also while training is away. Who
 * uses one asks for the configuration as it is now, each time.
 */
export class SettingsFollower {
  readonly #context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'crash'>;
  readonly #book: SettingsBook;
  readonly #changed: () => void;
  #following: Following | undefined;
  #config: ClusterConfig;

  /** @param changed is called after each change, and for those that there are at the start. */
  constructor(
    context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'crash'>,
    changed: () => void = () => undefined,
  ) {
    this.#context = context;
    this.#config = context.config;
    this.#book = new SettingsBook(context.config);
    this.#changed = changed;
  }

  /** The configuration as it is with them. */
  get config(): ClusterConfig {
    return this.#config;
  }

  /** Which models answer; undefined: `main` does. */
  get models(): ServingModels | undefined {
    return this.#book.inForce.settings.model;
  }

  /** 0: all is as the configuration says. */
  get version(): number {
    return this.#book.inForce.version;
  }

  /** Which are in force, as JSON; empty where there are none. */
  get text(): string {
    const { settings } = this.#book.inForce;
    return Object.keys(settings).length > 0 ? JSON.stringify(settings) : '';
  }

  /** Resolves when those that there are are in force. */
  async start(): Promise<void> {
    const { bus, identity, crash } = this.#context;
    this.#following = await follow(
      bus,
      { stream: bus.names.stream.settingsAt(identity.dataCenter), lastPerSubject: true },
      (message) => this.#take(message),
      crash,
    );
    await this.#following.caughtUp;
  }

  async stop(): Promise<void> {
    await this.#following?.stop();
  }

  #take(message: StreamMessage): void {
    const { config, log } = this.#context;
    const place = logSequenceOf(message);
    const record = this.#read(message);
    if (!record) return;
    if (!this.#book.take(record, place)) return;
    const { settings, refused, version } = this.#book.inForce;
    this.#config = configWith(config, settings);
    const { key } = record;
    if (refused[key] === undefined) log.info({ key, version }, 'setting in force');
    else log.warn({ key, version, err: refused[key] }, 'setting not in force: as configured');
    this.#changed();
  }

  /** Of another release, perhaps: what counted before does so on. */
  #read({ bytes, sequence }: StreamMessage): SettingRecord | undefined {
    try {
      return parseSetting(decode(bytes));
    } catch (error) {
      this.#context.log.warn(
        { sequence, err: messageOf(error) },
        'unreadable setting; passed over',
      );
      return undefined;
    }
  }
}
