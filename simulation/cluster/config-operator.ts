import { operate } from '../../client/operate.js';
import { changesTo } from '../../cluster/config/next-config.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { forgottenBy } from '../../core/config/plan/plan.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { declaredOf, type ConfigHistory } from '../checks/config-history.js';
import type { Report } from '../checks/violation.js';
import { changedConfig, configChangeNames } from './config-changes.js';

/** Of changes that forget something, so many are not allowed to. */
const unallowedShare = 0.25;
/** How what was asked of a configuration ended, in the coverage beside what it was. */
export const configOutcomes = ['rolled back', 'refused, as nobody allowed it'] as const;

interface Asked {
  /** Of the coverage. */
  readonly what: string;
  readonly to: ClusterConfig;
  /** How it is asked for: all of it, or a version of before. */
  readonly as: string | number;
  readonly isAllowed: boolean;
}

/** Somebody who changes the configuration, and takes it back, while the cluster has other troubles. */
export class ConfigOperator {
  /** How often what was asked for was done, or refused as it should be. */
  readonly done = new Map<string, number>();
  readonly #bus: Bus;
  readonly #history: ConfigHistory;
  readonly #report: Report;

  constructor(bus: Bus, history: ConfigHistory, report: Report) {
    this.#bus = bus;
    this.#history = history;
    this.#report = report;
  }

  /** @param which of the changes that there are, and how; both in [0, 1). */
  change(which: number, how: number): boolean {
    const place = which * configChangeNames.length;
    const what = configChangeNames[Math.floor(place)]!;
    const config = declaredOf(this.#history.newest);
    const to = changedConfig(what, config, place % 1);
    if (!to) return false;
    void this.#ask({ what, to, as: JSON.stringify(to), isAllowed: how >= unallowedShare });
    return true;
  }

  /** @param which of the versions that there have been, in [0, 1). */
  rollBack(which: number): boolean {
    const { versions, newestVersion } = this.#history;
    const earlier = versions.filter((version) => version < newestVersion);
    const version = earlier[Math.floor(which * earlier.length)];
    if (version === undefined) return false;
    const to = declaredOf(this.#history.configOf(version));
    void this.#ask({ what: 'rolled back', to, as: version, isAllowed: true });
    return true;
  }

  async #ask({ what, to, as, isAllowed }: Asked): Promise<void> {
    const { newest, newestVersion } = this.#history;
    const changes = changesTo(newest, to);
    const forgotten = forgottenBy(changes);
    const isPossible = changes.every(({ effect }) => effect !== 'impossible');
    const isRefused = !isPossible || (!isAllowed && forgotten.length > 0);
    const allowed = isAllowed ? forgotten : [];
    const outcome = await operate(this.#bus, 'config', { to: as, allowed }, () => undefined).then(
      (reply) => ({ code: 'done', version: Number(reply['version']), text: '' }),
      (error: unknown) => ({ code: codeOf(error), version: 0, text: messageOf(error) }),
    );
    // Somebody else's change came between: it was compared with another one.
    const isComparable = this.#isOf(newestVersion, outcome);
    this.#judge({ ...outcome, what, to, isRefused, isComparable });
    if (outcome.code === 'done') this.#count(what);
    else if (outcome.code === 'CHANGE_REFUSED')
      this.#count(isPossible ? 'refused, as nobody allowed it' : what);
  }

  #isOf(before: number, { code, version }: { readonly code: string; readonly version: number }) {
    if (code === 'done') return version <= before + 1;
    return this.#history.newestVersion === before;
  }

  #judge(of: {
    readonly code: string;
    readonly version: number;
    readonly text: string;
    readonly what: string;
    readonly to: ClusterConfig;
    readonly isRefused: boolean;
    readonly isComparable: boolean;
  }): void {
    const { code, version, text, what, to, isRefused, isComparable } = of;
    if (code === 'CONFIG_INVALID' || code === 'BAD_REQUEST')
      return this.#report('no defect', `a configuration is refused: ${what}: ${text}`);
    if (code === 'done' && version > this.#history.newestVersion)
      return this.#report('what was done stays', `version ${version} was made, and is not there`);
    if (!isComparable) return;
    if (isRefused && code === 'done')
      return this.#report('what can not be is refused', `${what}: version ${version} was made`);
    if (!isRefused && code === 'CHANGE_REFUSED')
      return this.#report('what can be is done', `${what}: ${text}`);
    // What was said is what there is now: of a rollback, what was declared then.
    if (code === 'done' && version === this.#history.newestVersion)
      if (changesTo(this.#history.newest, to).length > 0)
        this.#report(
          'what was done stays',
          `version ${version} is not what was asked for: ${what}`,
        );
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}
