import { StarlingError } from '../core/base/errors.js';

/** Of a limit; the rest is for headers. */
const payloadShare = 0.9;

export function fitsInto(payloadBytesMax: number, bytes: Uint8Array): boolean {
  return bytes.length <= payloadShare * payloadBytesMax;
}

/**
 * A list as one message, or as several in order where that would be too long: each half by itself, and so on.
 *
 * @throws StarlingError PAYLOAD_TOO_LARGE for an element that does not fit by itself.
 */
export function fittingMessages<T>(
  elements: readonly T[],
  ports: {
    readonly payloadBytesMax: number;
    readonly encoded: (elements: readonly T[]) => Uint8Array;
  },
): Uint8Array[] {
  const bytes = ports.encoded(elements);
  if (fitsInto(ports.payloadBytesMax, bytes)) return [bytes];
  if (elements.length <= 1) throw tooLong(bytes, ports.payloadBytesMax);
  const half = elements.length >> 1;
  return [elements.slice(0, half), elements.slice(half)].flatMap((some) =>
    fittingMessages(some, ports),
  );
}

/**
 * Sends a list as one message, or as several in order where that would be too long: each half by itself, and so on.
 * What an element takes is not known before it is encoded, and nearly always all of it fits.
 *
 * @param encoded the message of these elements.
 * @throws StarlingError PAYLOAD_TOO_LARGE for an element that does not fit by itself; those before it have been sent.
 */
export async function sendFitting<T>(
  elements: readonly T[],
  ports: {
    readonly payloadBytesMax: number;
    readonly encoded: (elements: readonly T[]) => Uint8Array;
    readonly send: (bytes: Uint8Array, elements: readonly T[]) => Promise<void>;
  },
): Promise<void> {
  const { payloadBytesMax } = ports;
  const bytes = ports.encoded(elements);
  if (fitsInto(payloadBytesMax, bytes)) return ports.send(bytes, elements);
  if (elements.length <= 1) throw tooLong(bytes, payloadBytesMax);
  const half = elements.length >> 1;
  await sendFitting(elements.slice(0, half), ports);
  await sendFitting(elements.slice(half), ports);
}

function tooLong(bytes: Uint8Array, payloadBytesMax: number): StarlingError {
  const text = `it takes a message of ${bytes.length} bytes, and the NATS server takes ${payloadBytesMax} with all that is around it (max_payload).`;
  return new StarlingError('PAYLOAD_TOO_LARGE', text, { bytes: bytes.length, payloadBytesMax });
}
