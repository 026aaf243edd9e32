import { codeOf } from '../../core/base/errors.js';
import type { Cancel, Clock } from '../../core/base/clock.js';
import { hashString } from '../../core/base/hash.js';
import { mainModel } from '../../core/base/model-identity.js';
import type { ServingModels } from '../../core/config/settings.js';

/** Between two looks whether the chosen model has come up to where it was chosen. Too high: a data center switches late. */
const lookMs = 250;

export interface AnsweringOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** What rows of the model know here. @throws StarlingError where nobody can tell. */
  readonly standing: (model: string) => Promise<number>;
  /** Another one answers from now on. */
  readonly changed?: (live: string) => void;
}

/**
 * Which model answers in a data center. The settings say which should; it does once its rows here know what it had learned when it
 * was chosen, and until then the one before goes on. So no request falls between the two, and none is answered by less than what
 * was compared.
 */
export class AnsweringModels {
  readonly #options: AnsweringOptions;
  #wanted: ServingModels | undefined;
  #live: string | undefined;
  #cancel: Cancel = () => undefined;
  #stopped = false;

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** Nobody has chosen among models: there is `main`. */
  get isOne(): boolean {
    return this.#wanted === undefined && this.live === mainModel;
  }

  /** Here, by now. */
  get live(): string {
    return this.#live ?? mainModel;
  }

  /** What may be asked where that one does not answer; undefined: there is no other. */
  get other(): string | undefined {
    const wanted = this.#wanted;
    const found = wanted?.live === this.live ? wanted.before : wanted?.live;
    return found === this.live ? undefined : found;
  }

  /** Of whoever is asked for: the same for somebody as long as the canary is. */
  modelFor(person: string): string {
    const canary = this.#wanted?.canary;
    return canary && isAmong(person, canary) ? canary.model : this.live;
  }

  /** The settings say so; undefined: nothing, and `main` answers. */
  heed(wanted: ServingModels | undefined): void {
    this.#wanted = wanted;
    this.#cancel();
    const next = wanted?.live ?? mainModel;
    // Who has just begun knows only what the settings say.
    this.#live ??= wanted?.before ?? next;
    if (next !== this.#live) void this.#look(next, wanted?.through ?? 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
  }

  async #look(model: string, through: number): Promise<void> {
    const isThere = await this.#isThere(model, through);
    if (this.#stopped || (this.#wanted?.live ?? mainModel) !== model || this.#live === model)
      return;
    if (isThere) {
      this.#live = model;
      this.#options.changed?.(model);
      return;
    }
    this.#cancel();
    this.#cancel = this.#options.clock.after(lookMs, () => void this.#look(model, through));
  }

  async #isThere(model: string, through: number): Promise<boolean> {
    try {
      return (await this.#options.standing(model)) >= through;
    } catch (error) {
      // Nobody of it is here yet, or none is well: the one before goes on. Anything else is a defect.
      if (codeOf(error) === 'INTERNAL') throw error;
      return false;
    }
  }
}

/** In thousands of a per cent. */
const shares = 100_000;

function isAmong(
  person: string,
  { model, share }: { readonly model: string; readonly share: number },
): boolean {
  return hashString(`${model} ${person}`, 0) % shares < share * shares;
}
