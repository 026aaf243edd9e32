import { messageOf } from '../../core/base/errors.js';

/**
 * `done`, or the message of a failure that is expected by now. For tests that are to fail until a fault is mended: they
 * must not fail for any other reason.
 *
 * @throws the failure, if it is another one.
 */
export async function outcomeOf(work: Promise<unknown>, fault: RegExp): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!fault.test(messageOf(error))) throw error;
    return messageOf(error);
  }
}
