import type { RawFeatures } from './raw-features.js';

/** `patch`: what is not named stays. `replace`: it is gone. Either way a null empties what it stands for. */
export const changeModes = ['replace', 'patch'] as const;
export type ChangeMode = (typeof changeModes)[number];

/** What is known of an entity after a change. */
export function changedBy(
  before: RawFeatures | undefined,
  told: RawFeatures,
  mode: ChangeMode = 'replace',
): RawFeatures {
  const names = Object.keys(told);
  const isWhole = mode === 'replace' || before === undefined;
  if (isWhole && !names.some((name) => told[name] === null)) return told;
  const known = new Map(isWhole ? [] : Object.entries(before));
  for (const name of names) {
    if (told[name] === null) known.delete(name);
    else known.set(name, told[name]);
  }
  return Object.fromEntries(known);
}
