import type { ConfigChange, Verdict } from '../config/plan/change.js';
import { cold, kept } from '../config/plan/change.js';
import { planOf } from '../config/plan/plan.js';
import type { ClusterConfig } from '../config/schema.js';
import type { ParameterDeclaration } from '../model/network.js';
import { networkOf } from '../model/networks/networks.js';
import { blueprintOf, digestOf } from './blueprint.js';

/** As the configuration alone has it. */
const path = 'model.networkCode';

/**
 * All changes from one configuration to another. The plan of the configuration knows no networks: what another code of a network of one's own does is
 * told by the parameters that both declare.
 *
 * @param after as `continued` has it.
 * @throws StarlingError CONFIG_INVALID for a network of one's own that can't be computed.
 */
export function changesBetween(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  const { model } = blueprintOf(after);
  const [was, is] = [before.model.networkCode, after.model.networkCode];
  return planOf(before, after).flatMap((change) => {
    if (change.path !== path) return [change];
    // Where it is another network, that is told.
    if (was === undefined || is === undefined) return [];
    const [declaredThen, declared] = [was, is].map((networkCode) =>
      networkOf({ ...model, networkCode }).parameters(model),
    );
    const verdict = verdictOf(declaredThen!, declared!);
    return [{ ...change, ...{ before: digestOf(was), after: digestOf(is) }, ...verdict }];
  });
}

function verdictOf(
  before: readonly ParameterDeclaration[],
  after: readonly ParameterDeclaration[],
): Verdict {
  const fresh = namesWithout(after, before);
  const gone = namesWithout(before, after);
  if (fresh.length === 0 && gone.length === 0)
    return kept('it computes otherwise; all of its parameters and rows go on');
  const begin = fresh.length > 0 ? `${fresh.join(', ')} begin anew` : '';
  const end = gone.length > 0 ? `${gone.join(', ')} are as they were no more` : '';
  const both = [begin, end].filter((text) => text !== '').join(', and ');
  return cold(`${both}; other parameters and all rows go on`);
}

/** Of one list, those that the other has not, or of another shape. */
function namesWithout(
  list: readonly ParameterDeclaration[],
  other: readonly ParameterDeclaration[],
): string[] {
  const known = new Set(other.map(keyOf));
  return list.filter((each) => !known.has(keyOf(each))).map(({ name }) => name);
}

function keyOf({ name, shape }: ParameterDeclaration): string {
  return JSON.stringify([name, shape]);
}
