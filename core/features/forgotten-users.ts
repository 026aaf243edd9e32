import { wordsOf } from '../base/fingerprints.js';
import type { RawFeatures } from './raw-features.js';

/** Of ids that nobody has. */
const prefix = '~erased/';

/**
 * That somebody was to be forgotten is kept beside users, as one of them: so it is in every store, snapshot and copy that they are
 * in. By a fingerprint of his id, since nothing else is known of him.
 */
export function erasureMarkId(user: string): string {
  return prefix + wordsOf(user).map(hexOf).join('');
}

export function isErasureMark(id: string): boolean {
  return id.startsWith(prefix);
}

export function erasureMark(untilMs: number): RawFeatures {
  return { untilMs };
}

/** Until when he is forgotten: what was told by then is not kept. −Infinity: he never was. */
export function forgottenUntilMs(mark: RawFeatures | undefined): number {
  const untilMs = mark?.['untilMs'];
  return typeof untilMs === 'number' ? untilMs : -Infinity;
}

function hexOf(word: number): string {
  return word.toString(16).padStart(8, '0');
}
