import type { ChildState } from '../../messages/actor-status.js';

/** Whether an actor that is not ready will be, if nothing goes wrong: what it has not told yet is no fault of it. */
export function isComing(state: ChildState): boolean {
  return state !== 'failed' && state !== 'stopped' && state !== 'stopping';
}
