import type { ActivityState } from '../../core/activity/activity-state.js';
import type { Activity } from '../../core/base/activity.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { followActivity } from '../../actors/shared/follow-activity.js';
import type { ActivityMessage } from '../../messages/activity.js';
import type { ActivityRows } from '../../messages/activity-snapshots.js';
import { freshRows, type ActivityTarget } from '../../replication/activity-fold.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { ActivityPlace } from '../../runtime/stores/activity-store.js';
import type { ToldFeatures } from './told-features.js';

/** Who folds what people did. */
export interface PastFold {
  told(activity: Activity): void;
  forgetAll(): void;
}

export interface ToldPastOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly fold: PastFold;
  readonly features: Pick<ToldFeatures, 'read'>;
}

/**
 * What was told of people before an import, as a feature store has it: the newest snapshot of one, and ACTIVITY behind it. All of it is in
 * memory, as if it had come with the files.
 */
export class ToldPast implements ActivityTarget {
  readonly #options: ToldPastOptions;
  /** Of the snapshot; the fold changes them. */
  readonly #states = new Map<string, ActivityState>();
  #place: ActivityPlace = { sequence: 0, taken: {} };
  /** Whether it has what was before the first record that it took. */
  #isWhole = true;

  constructor(options: ToldPastOptions) {
    this.#options = options;
  }

  /** Of the records of ACTIVITY, the last that is in; 0: none. */
  get sequence(): number {
    return this.#place.sequence;
  }

  stateOf(key: string): ActivityState | undefined {
    return this.#states.get(key);
  }

  /**
   * Fills the fold. Without snapshots of so long ago the log has to reach back to its first record.
   *
   * @param untilSequence of ACTIVITY; undefined: all that there is.
   * @returns whether all of it is there; if not, nothing is.
   */
  async read(untilSequence?: number): Promise<boolean> {
    const { bus, config } = this.#options;
    const identity = { dataCenter: trainingDataCenter(config) };
    // What it can't be without fails the start, or is missed below; what comes later is not waited for.
    const log = { error: (): void => undefined };
    const crash = log.error;
    const follower = followActivity({ bus, config, identity, log, crash }, this, untilSequence);
    try {
      await follower.start();
    } finally {
      await follower.stop();
    }
    if (!this.#isWhole) await this.reset();
    return this.#isWhole;
  }

  reset(): Promise<void> {
    this.#states.clear();
    this.#options.fold.forgetAll();
    this.#place = { sequence: 0, taken: {} };
    return Promise.resolve();
  }

  add({ keys, states }: ActivityRows): Promise<void> {
    keys.forEach((key, i) => this.#states.set(key, states[i]!));
    return Promise.resolve();
  }

  restored(place: ActivityPlace): Promise<void> {
    this.#place = place;
    this.#isWhole = true;
    return Promise.resolve();
  }

  async take(message: ActivityMessage | undefined, sequence: number): Promise<void> {
    if (this.sequence === 0) this.#isWhole = sequence === 1;
    const { rows, taken } = freshRows(message, this.#place.taken);
    const happened = rows.flatMap(({ activity }) => ('item' in activity ? [activity] : []));
    await this.#options.features.read({
      users: happened.map(({ person }) => person),
      items: happened.map(({ item }) => item),
    });
    for (const { activity } of rows) this.#options.fold.told(activity);
    this.#place = { sequence, taken };
  }
}
