import { Neighbourhood } from '../../runtime/neighbours/neighbourhood.js';
import type { MemoryBus } from './memory-bus.js';
import type { MemoryServers } from './memory-servers.js';

const known = new WeakMap<object, Neighbourhood>();

/**
 * The actors of a simulated process, whatever stands for it. They end and stand still together. What they answer each other is checked as what goes over the servers.
 */
export function neighboursIn(process: object, servers: MemoryServers): Neighbourhood {
  const found = known.get(process);
  if (found) return found;
  const made = new Neighbourhood({
    onAnswer: ({ responder, subject, request, reply }) =>
      servers.onAnswer?.(responder as MemoryBus, subject, request, reply),
  });
  known.set(process, made);
  return made;
}
