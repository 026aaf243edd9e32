import { Environment } from '@marcbachmann/cel-js';

/** What an expression about an event may look at. */
export interface EventInQuestion {
  readonly event: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

const environment = new Environment()
  .registerVariable('event', 'map')
  .registerVariable('context', 'map');

/**
 * A condition in CEL over `event` and `context`. What is not there makes its comparison false.
 *
 * @throws Error that says where it is wrong.
 */
export function compileCondition(text: string): (about: EventInQuestion) => boolean {
  const evaluate = environment.parse(text);
  const { valid, type, error } = evaluate.check();
  if (!valid) throw error ?? new Error('it can not be checked');
  if (type !== 'bool' && type !== 'dyn')
    throw new Error(`expected a condition, which is true or false; it is of type ${type}`);
  return (about) => {
    try {
      return evaluate(about) === true;
    } catch {
      return false;
    }
  };
}

/** Why it is no condition; undefined where it is one. */
export function conditionProblem(text: string): string | undefined {
  try {
    compileCondition(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  }
}
