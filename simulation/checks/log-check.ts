import { pino, type Logger } from 'pino';
import type { Report } from './violation.js';

/**
 * Logs that nobody reads but this: whoever catches a defect of his own, says so and goes on, as one that ends does with whatever
 * fails then, tells nobody else.
 */
export function watchedLogs(report: Report): (name: string) => Logger {
  const nowhere = { write: () => undefined };
  return (name) => {
    const logMethod = (args: readonly unknown[]): void => {
      const [fields, text] = args as [{ code?: unknown; err?: unknown } | undefined, unknown];
      if (fields?.code === 'INTERNAL')
        report('no defect', `${name} says: ${String(text)}: ${String(fields.err)}`);
    };
    return pino({ level: 'warn', hooks: { logMethod } }, nowhere);
  };
}
