import { StarlingError } from '../core/base/errors.js';
import { header } from './headers.js';

/**
 * A request may say in this header how many milliseconds its caller waits; whoever answers then does not work longer, and
 * gives those he asks himself a part of it. A duration and not a time, as in gRPC: the clocks of two hosts need not agree.
 */
export const timeoutHeader = header.timeoutMs;

export function timeoutFields(timeoutMs: number): Record<string, string> {
  return { [timeoutHeader]: String(Math.ceil(timeoutMs)) };
}

/** @throws StarlingError BAD_REQUEST */
export function parseTimeout(text: string): number {
  const timeoutMs = Number(text);
  if (timeoutMs > 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  throw new StarlingError(
    'BAD_REQUEST',
    `header ${timeoutHeader}: expected milliseconds above 0, got ${JSON.stringify(text.slice(0, 40))}.`,
  );
}
