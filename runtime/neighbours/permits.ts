import { permissionsOf } from '../../messages/permissions.js';
import type { Place, Role } from '../../messages/roles.js';

/**
 * What somebody in the process may do. The server does not see what goes directly, so the same lists hold here
 * (messages/roles.ts); what they don't allow goes to the server, which refuses it.
 */
export interface Permits {
  readonly mayAsk: (subject: string) => boolean;
  readonly mayServe: (subject: string) => boolean;
}

export function permitsOf(role: Role, place: Place): Permits {
  const { publish, refused, subscribe } = permissionsOf(role, place);
  const isIn = (list: readonly string[], subject: string): boolean =>
    list.some((pattern) => covers(pattern, subject));
  return {
    mayAsk: (subject) => isIn(publish, subject) && !isIn(refused, subject),
    mayServe: (subject) => isIn(subscribe, subject),
  };
}

/** Whether a pattern allows a subject, or all of the subjects that another pattern stands for. */
function covers(pattern: string, subject: string): boolean {
  const [allowed, asked] = [pattern.split('.'), subject.split('.')];
  for (const [i, token] of allowed.entries()) {
    const wanted = asked[i];
    if (wanted === undefined) return false;
    if (token === '>') return true;
    if (wanted === '>' || (token !== '*' && token !== wanted)) return false;
  }
  return allowed.length === asked.length;
}
