import { codeOf, errorCodes } from '../core/base/errors.js';

/** A server that restarts is back by then. */
const triesMax = 10;

/** Reads something that may be read again; the last error that a retry might have mended is thrown, any other at once. */
export async function retried<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      if (attempt === triesMax || !errorCodes[codeOf(error)].retryable) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** attempt)));
    }
  }
}
