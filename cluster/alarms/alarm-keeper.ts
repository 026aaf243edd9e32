import { every, type Cancel, type Clock } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { Lasting } from '../../core/base/lasting.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { AlarmStore } from './alarm-store.js';
import { AlarmJudge, type Finding } from './judge-alarms.js';

/** Between two looks at what trainers tell. */
const lookMs = 2_000;

export interface AlarmKeeperOptions {
  readonly term: number;
  readonly training: ClusterConfig['training'];
  readonly store: Pick<AlarmStore, 'isRaised' | 'write'>;
  readonly view: { readonly actors: () => readonly ActorStatus[] };
  readonly record: (event: Omit<SupervisionEvent, 'atMs'>) => void;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** The leader's look at what is learned: raises an alarm where something has been wrong for a while, and ends it where it is right again. */
export class AlarmKeeper implements Stoppable {
  readonly #options: AlarmKeeperOptions;
  readonly #judge: AlarmJudge;
  readonly #known = new Map<string, Lasting>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #cancel: Cancel;

  constructor(options: AlarmKeeperOptions) {
    this.#options = options;
    this.#judge = new AlarmJudge(options.training);
    this.#cancel = every(options.clock, lookMs, () => this.look());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await Promise.all(this.#writing.values());
  }

  look(): void {
    const { view, clock } = this.#options;
    const atMs = clock.nowMs();
    for (const finding of this.#judge.judge(view.actors())) {
      const lasting = this.#lastingOf(finding);
      if (lasting.observe(finding.evidence, atMs)) this.#tell(finding, lasting.isRaised);
    }
  }

  /** What an earlier leader has raised goes on until it is right again. */
  #lastingOf({ name, patience }: Finding): Lasting {
    const known =
      this.#known.get(name) ?? new Lasting(patience, this.#options.store.isRaised(name));
    this.#known.set(name, known);
    return known;
  }

  #tell({ name, text }: Finding, raised: boolean): void {
    const { store, term, clock, record, log } = this.#options;
    const entry = { raised, text, atMs: clock.wallMs(), term };
    record({ address: name, type: raised ? 'alarm' : 'calm', detail: text, epoch: term });
    // One after the other, as each is compared with the one before.
    const before = this.#writing.get(name) ?? Promise.resolve();
    const writing = before
      .then(() => store.write(name, entry))
      .catch((error: unknown) => {
        if (codeOf(error) !== 'FENCED')
          log(`alarm ${name} is not written: ${codeOf(error)}: ${messageOf(error)}`);
      });
    this.#writing.set(name, writing);
  }
}
