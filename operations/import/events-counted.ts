import { clientOn } from '../../client/client.js';
import { actorsOf } from '../../messages/actor-status.js';
import { totalsOf } from '../../messages/stats/totals.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** That joiners have counted, whoever told them; 0 where nobody can say at the moment. */
export async function eventsCounted(bus: Bus): Promise<number> {
  const status = await clientOn(bus)
    .status()
    .catch(() => undefined);
  const joiners = status ? actorsOf(status.actors, 'joiner') : [];
  const told = totalsOf(joiners, ['actions', 'passedActions']);
  return told ? told.actions - told.passedActions : 0;
}
