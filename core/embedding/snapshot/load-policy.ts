import { StarlingError } from '../../base/errors.js';
import type { SnapshotSlot } from './rows.js';

/**
 * What to do where a snapshot and its target are not the same. Everything that would change what the model computes is
 * refused unless it is asked for.
 *
 * Always loads: a slot with the same dim, optimizer kind and state width, whatever the learning rate and the other
 * settings of the optimizer are: the same kind means the same layout of the state, and an Adagrad accumulator means
 * the same under another rate. A slot that only the target has starts empty.
 *
 * Always refused: another dim. Rows cut or padded would be another model, and so would the dense network that reads
 * them: train anew, or under a new slot number.
 */
export interface LoadPolicy {
  /**
   * Another optimizer kind or state width: `refuse` (default), or `reset-state`: weights are kept and the optimizer
   * begins as on a new row; a row that the target has already keeps the state it has there. Also for a target that
   * needs no state, such as serving.
   */
  readonly optimizerChange?: 'refuse' | 'reset-state';
  /** A slot that the target does not have: `refuse` (default), or `skip` its rows and count them. */
  readonly unknownSlot?: 'refuse' | 'skip';
  /**
   * Of a snapshot that was made before slots came and went: the slots whose rows go on. All others are skipped and counted, also one that
   * has a number of the target's: it is another by now.
   */
  readonly keptSlots?: ReadonlySet<number>;
}

/** What happens to the rows of one slot of a snapshot. */
export interface SlotPlan {
  /** Position in the target's slots; undefined: skipped. */
  readonly targetIndex: number | undefined;
  readonly keepsState: boolean;
}

/**
 * One plan per slot of the snapshot.
 * @throws StarlingError SNAPSHOT_MISMATCH naming the slot and what differs.
 */
export function planSlots(
  slots: readonly SnapshotSlot[],
  targetSlots: readonly SnapshotSlot[],
  policy: LoadPolicy,
): SlotPlan[] {
  return slots.map((slot) => {
    if (policy.keptSlots?.has(slot.slot) === false)
      return { targetIndex: undefined, keepsState: false };
    const targetIndex = targetSlots.findIndex((candidate) => candidate.slot === slot.slot);
    if (targetIndex >= 0) return planSlot(slot, targetSlots[targetIndex]!, targetIndex, policy);
    if (policy.unknownSlot === 'skip') return { targetIndex: undefined, keepsState: false };
    throw mismatch(slot.slot, 'the target has no such slot', 'unknownSlot: skip leaves it out');
  });
}

function planSlot(
  slot: SnapshotSlot,
  target: SnapshotSlot,
  targetIndex: number,
  policy: LoadPolicy,
): SlotPlan {
  if (slot.dim !== target.dim) {
    throw mismatch(
      slot.slot,
      `rows have ${slot.dim} weights, the target's ${target.dim}`,
      'the dim of a slot cannot be changed',
    );
  }
  const keepsState = slot.optimizer === target.optimizer && slot.stateWidth === target.stateWidth;
  if (!keepsState && policy.optimizerChange !== 'reset-state') {
    throw mismatch(
      slot.slot,
      `rows learned by ${optimizerText(slot)}, the target by ${optimizerText(target)}`,
      'optimizerChange: reset-state keeps the weights and starts the state anew',
    );
  }
  return { targetIndex, keepsState };
}

function optimizerText({ optimizer, stateWidth }: SnapshotSlot): string {
  return `${optimizer} with ${stateWidth} floats of state`;
}

function mismatch(slot: number, what: string, remedy: string): StarlingError {
  return new StarlingError(
    'SNAPSHOT_MISMATCH',
    `snapshot chunk 0: slot ${slot}: ${what}; ${remedy}.`,
    { chunk: 0, slot },
  );
}
