import { codeOf, errorCodes, messageOf } from '../core/base/errors.js';
import { UsageError, exitCode } from './command.js';

/** How a failure is told: `code: message`, and what to do about it. */
export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    return { exitCode: exitCode.usage, code: error.code, message: error.message };
  }
  const code = codeOf(error);
  const { remedy } = errorCodes[code];
  const text = messageOf(error).trim();
  // An error that came from the cluster has its remedy already.
  const message = text.includes(remedy) ? text : `${sentence(text)} ${remedy}`;
  const { details } = error as { details?: Readonly<Record<string, unknown>> };
  const hasDetails = details !== undefined && Object.keys(details).length > 0;
  return { exitCode: exitCodeOf(code), code, message, ...(hasDetails ? { details } : {}) };
}

function exitCodeOf(code: string): number {
  return code === 'NOT_RUNNING' || code === 'UNAVAILABLE' ? exitCode.notRunning : exitCode.failure;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
