/** The model that is there from the first start on, and whose learning the books follow. */
export const mainModel = 'main';

/**
 * What the actors of a model know of it. They are addressed by index as those of `main` are, from `firstIndexOf` on, so that
 * shards of two models never have one subject.
 */
export interface ModelIdentity {
  readonly name: string;
  /** Given once and to no other; 0 is that of `main`. */
  readonly number: number;
  /** Its ledgers begin here: of samples up to this sequence of SAMPLES it is taught nothing. 0: it is taught all. */
  readonly cut: number;
  /** It began with rows that know all that happened up to then, since 1970; left out: with none. Samples of before are not learned again. */
  readonly throughMs?: number;
}

export const mainIdentity: ModelIdentity = { name: mainModel, number: 0, cut: 0 };

/** More than there can be of one kind. Too low: actors of two models would meet. Too high: addresses are long. */
const indicesPerModel = 1000;

/** Of the first actor of a kind. */
export function firstIndexOf({ number }: Pick<ModelIdentity, 'number'>): number {
  return number * indicesPerModel;
}

/** The number of the model that an actor of a kind with models belongs to. */
export function modelNumberOf(index: number): number {
  return Math.floor(index / indicesPerModel);
}

export function isModelIdentity(value: unknown): value is ModelIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { name, number, cut } = value as Partial<Record<keyof ModelIdentity, unknown>>;
  return typeof name === 'string' && Number.isSafeInteger(number) && Number.isSafeInteger(cut);
}
