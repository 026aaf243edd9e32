/**
 * The learning rate as a function of the step alone. The step is a number that the caller takes from the stream (the
 * sequence of the sample batch), not a counter of this process: a batch that is learned again after a crash, or on
 * another shard, then takes the very rate it would have taken.
 *
 *   step < warmUpSteps    (step + 1) / warmUpSteps
 *   afterwards            decay(step − warmUpSteps)
 */
export interface ScheduleSpec {
  /** Too few: the first rows jump before the network has found its feet. Too many: learning starts late. */
  readonly warmUpSteps?: number;
  readonly decay?:
    /** rate^(s / steps) */
    | { readonly kind: 'exponential'; readonly rate: number; readonly steps: number }
    /** 1 / (1 + rate · s / steps) */
    | { readonly kind: 'inverse-time'; readonly rate: number; readonly steps: number }
    /** From 1 to `floor` along half a cosine of `steps`, then `floor` (Loshchilov & Hutter, 2017, without restarts). */
    | { readonly kind: 'cosine'; readonly steps: number; readonly floor?: number };
}

/** What the learning rate is multiplied by at `step` (≥ 0). */
export function scheduleFactor(schedule: ScheduleSpec | undefined, step: number): number {
  if (schedule === undefined) return 1;
  const { warmUpSteps = 0, decay } = schedule;
  if (step < warmUpSteps) return (step + 1) / warmUpSteps;
  if (decay === undefined) return 1;
  const elapsed = step - warmUpSteps;
  switch (decay.kind) {
    case 'exponential':
      return decay.rate ** (elapsed / decay.steps);
    case 'inverse-time':
      return 1 / (1 + (decay.rate * elapsed) / decay.steps);
    case 'cosine': {
      const floor = decay.floor ?? 0;
      const share = Math.min(1, elapsed / decay.steps);
      return floor + ((1 - floor) * (1 + Math.cos(Math.PI * share))) / 2;
    }
  }
}
