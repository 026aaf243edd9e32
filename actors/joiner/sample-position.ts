import { StarlingError } from '../../core/base/errors.js';
import { header } from '../../messages/headers.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';

/**
 * Where a message of samples stands in what a window makes of its log. The samples of a commit follow from the records
 * it has read, whoever makes it; so a window that is made anew, on another host or because its store is lost, knows
 * from the last message in the stream which of its samples are there already.
 */
export interface SamplePosition {
  /** Of the store that made it: within one, numbers of messages tell as much. */
  readonly window: string;
  /** JOIN sequences of the commit: what was read before `from` is settled, and its last record is `to`. */
  readonly from: number;
  readonly to: number;
  /** Samples of the commit up to the end of this message. */
  readonly rows: number;
  /** Whether it is the last message of its commit. */
  readonly complete: boolean;
}

export function positionHeaders(position: SamplePosition): Record<string, string> {
  const { window, from, to, rows, complete } = position;
  return {
    [header.window]: window,
    [header.position]: [from, to, rows, complete ? 1 : 0].join('.'),
  };
}

/** @throws StarlingError CORRUPT for a message without one: it is not of a joiner. */
export function positionOf(message: Pick<StreamMessage, 'header'>): SamplePosition {
  const window = message.header(header.window);
  const numbers = message.header(header.position)?.split('.').map(Number);
  const isPlaced =
    window !== undefined &&
    numbers?.length === 4 &&
    numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
  if (!isPlaced) {
    const text = `samples without a place (${header.window}, ${header.position})`;
    throw new StarlingError('CORRUPT', text);
  }
  const [from, to, rows, complete] = numbers as [number, number, number, number];
  return { window, from, to, rows, complete: complete === 1 };
}
