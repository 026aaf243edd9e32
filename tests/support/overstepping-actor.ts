import type { ActorContext, CreateActor } from '../../runtime/actor.js';
import { runActorProcess } from '../../runtime/actor-process.js';

/** An actor process that does what its role may not; its index says which. */
const create: CreateActor = ({ bus, identity }: ActorContext) => ({
  async start() {
    if (identity.index === 0) bus.publish('starling.ps.push.0', new Uint8Array(1));
    else bus.subscribe('starling.ps.push.0', () => undefined);
    await bus.flush();
  },
  stop: async () => undefined,
  stats: () => undefined,
});

runActorProcess(async () => create);
