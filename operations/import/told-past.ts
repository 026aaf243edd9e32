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
  /** Of the time of the rows. */
  toldMeanwhile(activity: Activity): void;
  forgetAll(): void;
}

export interface ToldPastOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly fold: PastFold;
  readonly features: Pick<ToldFeatures, 'read'>;
}

/** Told of the time of the rows, in memory. More: the import begins with nothing. */
const laterMax = 1_000_000;

interface Later {
  readonly atMs: number;
  readonly activity: Activity;
}

/**
 * What was told of people before an import, as a feature store has it: the newest snapshot of one, and ACTIVITY behind it. All of it is in
 * memory, as if it had come with the files.
 *
 * Where some of it is of the time of the files, snapshots don't help, as they don't say when it was. Then it is ACTIVITY alone, from its first
 * record on, and each event has its place between the rows.
 */
export class ToldPast implements ActivityTarget {
  readonly #options: ToldPastOptions;
  /** Of the snapshot; the fold changes them. */
  readonly #states = new Map<string, ActivityState>();
  #place: ActivityPlace = { sequence: 0, taken: {} };
  /** Whether it has what was before the first record that it took. */
  #isWhole = true;
  /** What is older goes into the fold at once. */
  #firstMs = Infinity;
  #newestMs = -Infinity;
  #later: Later[] = [];
  #laterIds = new Set<string>();
  #advanced = 0;

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
   * @param firstMs of the rows: what was told of that time, or later, waits for `advance`. Infinity: nothing was.
   * @returns whether all of it is there; if not, nothing is.
   */
  async read(untilSequence?: number, firstMs = Infinity): Promise<boolean> {
    const { bus, config } = this.#options;
    this.#firstMs = firstMs;
    const identity = { dataCenter: trainingDataCenter(config) };
    // What it can't be without fails the start, or is missed below; what comes later is not waited for.
    const log = { error: (): void => undefined };
    const crash = log.error;
    const context = { bus, config, identity, log, crash };
    const follower = followActivity(context, this, untilSequence, firstMs !== Infinity);
    try {
      await follower.start();
    } finally {
      await follower.stop();
    }
    this.#later.sort((a, b) => a.atMs - b.atMs);
    const isWhole = this.#isWhole && this.#later.length <= laterMax;
    if (!isWhole) await this.reset();
    return isWhole;
  }

  /** A row of this time is next: what was told of before it goes into the fold. */
  advance(toMs: number): void {
    for (; this.#advanced < this.#later.length; this.#advanced++) {
      const { atMs, activity } = this.#later[this.#advanced]!;
      if (atMs >= toMs) return;
      this.#options.fold.toldMeanwhile(activity);
    }
  }

  /** Whether an event of the time of the rows was told before: the fold has it from there. */
  isTold(id: string): boolean {
    return this.#laterIds.has(id);
  }

  reset(): Promise<void> {
    this.#states.clear();
    this.#later = [];
    this.#laterIds.clear();
    this.#advanced = 0;
    this.#newestMs = -Infinity;
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
    if (this.#later.length > laterMax) return;
    const { rows, taken } = freshRows(message, this.#place.taken);
    const happened = rows.flatMap(({ activity }) => ('item' in activity ? [activity] : []));
    await this.#options.features.read({
      users: happened.map(({ person }) => person),
      items: happened.map(({ item }) => item),
    });
    for (const { activity } of rows) this.#take(activity);
    this.#place = { sequence, taken };
  }

  #take(activity: Activity): void {
    // Who is merged is so when that was told: behind what was told before.
    if ('atMs' in activity) this.#newestMs = Math.max(this.#newestMs, activity.atMs);
    const atMs = 'atMs' in activity ? activity.atMs : this.#newestMs;
    if (activity.kind === 'erased')
      this.#later = this.#later.filter(({ activity: later }) => !isOf(later, activity.person));
    if (atMs < this.#firstMs || activity.kind === 'erased')
      return this.#options.fold.told(activity);
    this.#later.push({ atMs, activity });
    if (activity.kind === 'event' && activity.id !== '') this.#laterIds.add(activity.id);
  }
}

function isOf(activity: Activity, person: string): boolean {
  return 'person' in activity
    ? activity.person === person
    : activity.user === person || activity.visitor === person;
}
